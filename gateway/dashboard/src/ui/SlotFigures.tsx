import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { fixed, percent, UNKNOWN } from "../i18n/format";
import type { Slot } from "../state/types";
import { Link } from "./Link";
import { textOf, numberOf } from "./signals";
import { markOf, shownSoc } from "./slot";
import { Age, drawnAs, QualityMark, Value } from "./Value";

/** How the slot is now, in one row. */
export function SlotFigures({ slot, station }: { slot: Slot; station: string }) {
  const { t } = useTranslation("slot");
  const soc = shownSoc(slot);
  const drawn = (signal: "temperature_c" | "power_w" | "charger_state" | "pack_id") => {
    const { quality, reason } = markOf(slot, signal);
    return drawnAs(slot[signal] !== null, quality, reason);
  };
  return (
    <dl className="figures">
      <Figure name={t("figure.charger")}>
        <span className={slot.charger_state === "fault" ? "abnormal" : ""}>
          <Value text={textOf("charger_state", numberOf(slot, "charger_state"), t)} as={drawn("charger_state")} />
        </span>
      </Figure>
      <Figure name={t("figure.soc")}>
        <Value text={percent(soc.value)} as={soc.as} />
      </Figure>
      <Figure name={t("figure.temperature")}>
        <Value text={fixed(slot.temperature_c, 1, "°C")} as={drawn("temperature_c")} />
      </Figure>
      <Figure name={t("figure.power")}>
        <Value text={fixed(slot.power_w, 0, "W")} as={drawn("power_w")} />
      </Figure>
      <Figure name={t("figure.pack")}>
        {slot.pack_id === null ? (
          UNKNOWN
        ) : (
          <Link to={`${station}/pack/${encodeURIComponent(slot.pack_id)}`}>
            <Value text={slot.pack_id} as={drawn("pack_id")} />
          </Link>
        )}
      </Figure>
      <Figure name={t("figure.age")}>
        <Age time={slot.data_time} />
      </Figure>
      <Figure name={t("figure.data")}>
        <QualityMark quality={slot.quality} reason={slot.reason} time={slot.data_time} />
      </Figure>
    </dl>
  );
}

function Figure({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
