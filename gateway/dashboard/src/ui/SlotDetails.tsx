import { useLive } from "../state/live";
import type { Slot } from "../state/types";
import { etaTime } from "./explain";
import { age, fixed, percent, trouble, UNKNOWN } from "../i18n/format";
import { CHARGER, markOf } from "./slot";
import { Age, drawnAs, QualityMark, Value } from "./Value";

const yes = (value: boolean | null, on: string, off: string) => (value === null ? UNKNOWN : value ? on : off);

interface Signal {
  name: string;
  key: keyof Slot;
  text(slot: Slot): string;
  twin?(slot: Slot): string;
}

const SIGNALS: readonly Signal[] = [
  { name: "Charger", key: "charger_state", text: (s) => (s.charger_state ? CHARGER[s.charger_state].word : UNKNOWN) },
  { name: "Occupied", key: "occupied", text: (s) => yes(s.occupied, "yes", "no") },
  { name: "Pack", key: "pack_id", text: (s) => s.pack_id ?? UNKNOWN },
  {
    name: "State of charge",
    key: "soc",
    text: (s) => percent(s.soc),
    twin: (s) => percent(s.twin?.soc),
  },
  {
    name: "Temperature",
    key: "temperature_c",
    text: (s) => fixed(s.temperature_c, 1, "°C"),
    twin: (s) => fixed(s.twin?.temperature_c, 1, "°C"),
  },
  { name: "State of health", key: "soh", text: (s) => percent(s.soh) },
  { name: "Full cycles", key: "cycle_count", text: (s) => fixed(s.cycle_count, 0, "") },
  { name: "Capacity", key: "capacity_wh", text: (s) => fixed(s.capacity_wh, 0, "Wh") },
  { name: "Power", key: "power_w", text: (s) => fixed(s.power_w, 0, "W") },
  { name: "Voltage", key: "voltage_v", text: (s) => fixed(s.voltage_v, 1, "V") },
  { name: "Current", key: "current_a", text: (s) => fixed(s.current_a, 1, "A") },
  { name: "Door", key: "door_open", text: (s) => yes(s.door_open, "open", "closed") },
  { name: "Lock", key: "locked", text: (s) => yes(s.locked, "locked", "unlocked") },
  { name: "In service", key: "enabled", text: (s) => yes(s.enabled, "yes", "no") },
];

/** When something is expected; null is never, undefined that nobody expects it. */
type Expected = number | null | undefined;

/** Every signal of one slot: what the devices said, beside what the model believes. */
export function SlotDetails({ slot, readyAt, fullAt }: { slot: Slot; readyAt: Expected; fullAt: Expected }) {
  const believed = slot.twin?.reason === "substituted" ? "estimated" : "live";
  return (
    <section className="panel details" aria-labelledby="details">
      <header>
        <h2 id="details">Slot {slot.slot}</h2>
        <span>
          <QualityMark quality={slot.quality} reason={slot.reason} time={slot.data_time} />
          {slot.quality === "good" && (
            <>
              , measured <Age time={slot.data_time} /> ago
            </>
          )}
        </span>
      </header>
      <table>
        <thead>
          <tr>
            <th scope="col">Signal</th>
            <th scope="col">Live</th>
            <th scope="col">Twin</th>
            <th scope="col">Data</th>
          </tr>
        </thead>
        <tbody>
          {SIGNALS.map((signal) => {
            const { quality, reason } = markOf(slot, signal.key);
            const text = signal.text(slot);
            const twin = signal.twin?.(slot);
            return (
              <tr key={signal.key} data-signal={signal.key}>
                <th scope="row">{signal.name}</th>
                <td>
                  <Value text={text} as={drawnAs(text !== UNKNOWN, quality, reason)} />
                </td>
                <td>{twin !== undefined && <Value text={twin} as={twin === UNKNOWN ? "unknown" : believed} />}</td>
                <td>{quality === "good" ? "" : <Why slot={slot} signal={signal.key} />}</td>
              </tr>
            );
          })}
          <Expectation name="Ready at" at={readyAt} as={believed} />
          <Expectation name="Full at" at={fullAt} as={believed} />
        </tbody>
      </table>
    </section>
  );
}

function Expectation({ name, at, as }: { name: string; at: Expected; as: "live" | "estimated" }) {
  const text = useLive((live) =>
    at === undefined || live.now === null ? UNKNOWN : etaTime(at, live.now, live.health?.timezone),
  );
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
