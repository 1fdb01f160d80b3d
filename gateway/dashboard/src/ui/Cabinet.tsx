import { memo, type ReactNode } from "react";
import { useLive } from "../state/live";
import type { Slot } from "../state/types";
import { age, percent, trouble, UNKNOWN } from "./format";
import { CHARGER, isEmpty, shownSoc } from "./slot";

/** The front of the cabinet: one button per slot, in the order of their numbers. */
export function Cabinet(props: { slots: readonly Slot[]; chosen: number | undefined; choose(slot: number): void }) {
  return (
    <section className="panel cabinet" aria-labelledby="cabinet">
      <h2 id="cabinet">Cabinet</h2>
      <ol>
        {props.slots.map((slot) => (
          <li key={slot.slot}>
            <SlotButton slot={slot} chosen={slot.slot === props.chosen} choose={props.choose} />
          </li>
        ))}
      </ol>
    </section>
  );
}

/** Words that are heard and not seen. */
function Said({ children }: { children: ReactNode }) {
  return <span className="said">{children}</span>;
}

const SlotButton = memo(function SlotButton(props: { slot: Slot; chosen: boolean; choose(slot: number): void }) {
  const { slot, chosen, choose } = props;
  const silent = slot.reason === "stale" || slot.reason === "no_communication";
  const seconds = useLive((live) => {
    const found = silent ? age(slot.data_time, live.now) : null;
    return found === null ? null : Math.floor(found);
  });
  const good = slot.quality === "good";
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
        {slot.ready === true && (
          <span className="readymark">
            ready
          </span>
        )}
      </span>
    </button>
  );
});
