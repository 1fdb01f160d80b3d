import "i18next";
import type alarmpage from "./en/alarmpage.json";
import type alarms from "./en/alarms.json";
import type bench from "./en/bench.json";
import type common from "./en/common.json";
import type diagnostics from "./en/diagnostics.json";
import type network from "./en/network.json";
import type slot from "./en/slot.json";
import type station from "./en/station.json";

// A key that the English file does not have is a type error.
declare module "i18next" {
  interface CustomTypeOptions {
    defaultNS: "common";
    resources: {
      alarmpage: typeof alarmpage;
      alarms: typeof alarms;
      bench: typeof bench;
      common: typeof common;
      diagnostics: typeof diagnostics;
      network: typeof network;
      slot: typeof slot;
      station: typeof station;
    };
  }
}
