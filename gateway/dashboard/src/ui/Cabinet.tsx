import { memo, type ReactNode } from "react";
import { useLive } from "../state/live";
import type { Slot, Station } from "../state/types";
import { drift, eta, unbroken } from "./explain";
import { age, percent, trouble, UNKNOWN } from "../i18n/format";
import { CHARGER, isEmpty, shownSoc } from "./slot";

interface Props {
  slots: readonly Slot[];
  /** When each pack that charges is ready, by slot; null is never, as power is shared now. */
  readyAt: ReadonlyMap<number, number | null>;
  drifts: Station["drifts"];
  chosen: number | undefined;
  choose(slot: number): void;
}

/** The front of the cabinet: one button per slot, in the order of their numbers; below it what drifts, if anything. */
export function Cabinet(props: Props) {
  return (
    <section className="panel cabinet" aria-labelledby="cabinet">
      <h2 id="cabinet">Cabinet</h2>
      <ol>
        {props.slots.map((slot) => (
          <li key={slot.slot}>
            <SlotButton
              slot={slot}
              readyAt={props.readyAt.get(slot.slot)}
              chosen={slot.slot === props.chosen}
              choose={props.choose}
            />
          </li>
        ))}
      </ol>
      {props.drifts.length > 0 && <Drifts drifts={props.drifts} />}
    </section>
  );
}

function Drifts({ drifts }: { drifts: Station["drifts"] }) {
  const now = useLive((live) => (live.now === null ? null : Math.floor(live.now)));
  return (
    <ul className="drifts">
      {drifts.map((alarm) => (
        <li key={`${alarm.kind} ${alarm.slot}`}>
          <Mark />
          {alarm.slot !== null && <b>Slot {alarm.slot}: </b>}
          {unbroken(drift(alarm, now))}
        </li>
      ))}
    </ul>
  );
}

/** Telemetry and twin do not agree. */
function Mark() {
  return (
    <i className="driftmark" aria-hidden="true">
      ≠
    </i>
  );
}

/** Words that are heard and not seen. */
function Said({ children }: { children: ReactNode }) {
  return <span className="said">{children}</span>;
}

const SlotButton = memo(function SlotButton(props: {
  slot: Slot;
  readyAt: number | null | undefined;
  chosen: boolean;
  choose(slot: number): void;
}) {
  const { slot, readyAt, chosen, choose } = props;
  const silent = slot.reason === "stale" || slot.reason === "no_communication";
  const seconds = useLive((live) => {
    const found = silent ? age(slot.data_time, live.now) : null;
    return found === null ? null : Math.floor(found);
  });
  const good = slot.quality === "good";
  const told = good && readyAt !== undefined && slot.ready !== true && slot.door_open !== true;
  const soon = useLive((live) => (told && live.now !== null ? eta(readyAt, live.now, live.health?.timezone) : null));
  const drifts = slot.twin?.drift ?? [];
  const empty = isEmpty(slot);
  const soc = shownSoc(slot);
  const state = slot.charger_state === null ? null : CHARGER[slot.charger_state];
  const level = soc.value === null ? (empty ? "empty" : UNKNOWN) : `${soc.as === "estimated" ? "≈ " : ""}${percent(soc.value)}`;
  const why = trouble(slot.quality, slot.reason, seconds);
  const pack = slot.pack_id === null ? null : `…${slot.pack_id.slice(-4)}`;
  return (
    <button
      type="button"
      className={`slot ${slot.quality}${empty ? " empty" : ""}${slot.charger_state === "fault" ? " fault" : ""}`}
      aria-pressed={chosen}
      data-slot={slot.slot}
      onClick={() => choose(slot.slot)}
    >
      <span className="line">
        <b className="n">
          <Said>Slot </Said>
          {slot.slot}
          {drifts.length > 0 && (
            <>
              <Mark />
              <Said> {drifts.map((alarm) => drift(alarm, null)).join("; ")}</Said>
            </>
          )}
        </b>
        {state !== null && !(empty && slot.charger_state === "idle") && (
          <span className="state">
            <i aria-hidden="true">{state.letter}</i>
            {state.word}
          </span>
        )}
      </span>
      <span className={`level ${soc.as}`}>
        <span className="bar" aria-hidden="true">
          <span style={{ width: `${(soc.value ?? 0) * 100}%` }} />
        </span>
        <span className="number">
          {level}
        </span>
      </span>
      <span className="line foot">
        {pack !== null && <Said>pack {slot.pack_id}</Said>}
        {good ? (
          <span aria-hidden="true">{pack}</span>
        ) : (
          <span className="why">
            {why}
          </span>
        )}
        {slot.door_open === true && (
          <span className="why">
            door open
          </span>
        )}
        {soon !== null && (
          <span className="soon">
            {soon.startsWith("in ") && <Said>ready </Said>}
            {soon}
          </span>
        )}
        {slot.ready === true && (
          <span className="readymark">
            ready
          </span>
        )}
      </span>
    </button>
  );
});
