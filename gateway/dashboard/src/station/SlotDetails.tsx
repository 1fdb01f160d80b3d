import type { TFunction } from "i18next";
import { useTranslation } from "react-i18next";
import { age, fixed, percent, trouble, UNKNOWN } from "../i18n/format";
import { useLive } from "../state/live";
import type { Slot } from "../state/types";
import { useZone } from "../state/zone";
import { Link } from "../ui/Link";
import { markOf } from "../ui/slot";
import { Age, drawnAs, QualityMark, Value } from "../ui/Value";
import { etaTime } from "./explain";

type Words = TFunction<"station">;

interface Signal {
  key:
    | "charger_state"
    | "occupied"
    | "pack_id"
    | "soc"
    | "temperature_c"
    | "soh"
    | "cycle_count"
    | "capacity_wh"
    | "power_w"
    | "voltage_v"
    | "current_a"
    | "door_open"
    | "locked"
    | "enabled";
  text(slot: Slot, t: Words): string;
  twin?(slot: Slot): string;
}

const SIGNALS: readonly Signal[] = [
  { key: "charger_state", text: (s, t) => (s.charger_state ? t(`charger.${s.charger_state}`) : UNKNOWN) },
  { key: "occupied", text: (s, t) => either(s.occupied, t("details.yes"), t("details.no")) },
  { key: "pack_id", text: (s) => s.pack_id ?? UNKNOWN },
  { key: "soc", text: (s) => percent(s.soc), twin: (s) => percent(s.twin?.soc) },
  {
    key: "temperature_c",
    text: (s) => fixed(s.temperature_c, 1, "°C"),
    twin: (s) => fixed(s.twin?.temperature_c, 1, "°C"),
  },
  { key: "soh", text: (s) => percent(s.soh) },
  { key: "cycle_count", text: (s) => fixed(s.cycle_count, 0, "") },
  { key: "capacity_wh", text: (s) => fixed(s.capacity_wh, 0, "Wh") },
  { key: "power_w", text: (s) => fixed(s.power_w, 0, "W") },
  { key: "voltage_v", text: (s) => fixed(s.voltage_v, 1, "V") },
  { key: "current_a", text: (s) => fixed(s.current_a, 1, "A") },
  { key: "door_open", text: (s, t) => either(s.door_open, t("details.open"), t("details.closed")) },
  { key: "locked", text: (s, t) => either(s.locked, t("slot.locked"), t("slot.unlocked")) },
  { key: "enabled", text: (s, t) => either(s.enabled, t("details.yes"), t("details.no")) },
];

function either(value: boolean | null, on: string, off: string): string {
  return value === null ? UNKNOWN : value ? on : off;
}

/** When something is expected; null is never, undefined that nobody expects it. */
type Expected = number | null | undefined;

interface Props {
  station: string;
  slot: Slot;
  readyAt: Expected;
  fullAt: Expected;
}

/** Every signal of one slot: what the devices said, beside what the model believes. */
export function SlotDetails({ station, slot, readyAt, fullAt }: Props) {
  const { t } = useTranslation("station");
  const believed = slot.twin?.reason === "substituted" ? "estimated" : "live";
  return (
    <section className="panel details" aria-labelledby="details">
      <header>
        <h2 id="details">{t("slot.number", { slot: slot.slot })}</h2>
        <span>
          <QualityMark quality={slot.quality} reason={slot.reason} time={slot.data_time} />
          {slot.quality === "good" && (
            <>
              , {t("details.measured")} <Age time={slot.data_time} />
            </>
          )}
        </span>
        <Link to={`/station/${encodeURIComponent(station)}/slot/${slot.slot}`}>{t("details.more")}</Link>
      </header>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("details.signal")}</th>
            <th scope="col">{t("details.live")}</th>
            <th scope="col">{t("details.twin")}</th>
            <th scope="col">{t("details.data")}</th>
          </tr>
        </thead>
        <tbody>
          {SIGNALS.map(({ key, text: tell, twin: tellTwin }) => {
            const { quality, reason } = markOf(slot, key);
            const text = tell(slot, t);
            const twin = tellTwin?.(slot);
            return (
              <tr key={key} data-signal={key}>
                <th scope="row">{t(`signals.${key}`)}</th>
                <td>
                  <Value text={text} as={drawnAs(text !== UNKNOWN, quality, reason)} />
                </td>
                <td>{twin !== undefined && <Value text={twin} as={twin === UNKNOWN ? "unknown" : believed} />}</td>
                <td>{quality === "good" ? "" : <Why slot={slot} signal={key} />}</td>
              </tr>
            );
          })}
          <Expectation name={t("details.readyAt")} at={readyAt} as={believed} />
          <Expectation name={t("details.fullAt")} at={fullAt} as={believed} />
        </tbody>
      </table>
    </section>
  );
}

function Expectation({ name, at, as }: { name: string; at: Expected; as: "live" | "estimated" }) {
  const { zone } = useZone();
  const text = useLive((live) => (at === undefined || live.now === null ? UNKNOWN : etaTime(at, live.now, zone)));
  return (
    <tr>
      <th scope="row">{name}</th>
      <td />
      <td>
        <Value text={text} as={text === UNKNOWN ? "unknown" : as} />
      </td>
      <td />
    </tr>
  );
}

function Why({ slot, signal }: { slot: Slot; signal: string }) {
  const { quality, reason } = markOf(slot, signal);
  const seconds = useLive((live) => {
    const found = age(slot.source_time, live.now);
    return found === null ? null : Math.floor(found);
  });
  return <span className="why">{trouble(quality, reason, seconds)}</span>;
}
