import { memo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { age, percent, trouble, UNKNOWN } from "../i18n/format";
import { useLive } from "../state/live";
import type { Slot } from "../state/types";
import { useZone } from "../state/zone";
import { isEmpty, LETTER, shownSoc } from "../ui/slot";
import { drift, eta, isSpan } from "./explain";
import { DoorGlyph, LockGlyph } from "./glyphs";

interface Props {
  topic: string;
  number: number;
  readyAt: number | null | undefined;
  chosen: boolean;
  choose(slot: number): void;
}

export function slotKey(number: number): string {
  return `slot/${String(number).padStart(2, "0")}`;
}

/** Telemetry and twin do not agree. */
export function Mark() {
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

/** One slot of the cabinet's front. It follows its own slot only, and is drawn anew when that changes. */
export const SlotButton = memo(function SlotButton({ topic, number, readyAt, chosen, choose }: Props) {
  const slot = useLive((live) => live.topics[topic]?.[slotKey(number)]) as Slot | undefined;
  if (slot === undefined) return null;
  const classes = [
    "slot",
    slot.quality,
    ...(isEmpty(slot) ? ["empty"] : []),
    ...(slot.charger_state === "fault" ? ["fault"] : []),
  ];
  return (
    <button
      type="button"
      className={classes.join(" ")}
      aria-pressed={chosen}
      data-slot={number}
      onClick={() => choose(number)}
    >
      <Head slot={slot} />
      <Level slot={slot} />
      <Foot slot={slot} readyAt={readyAt} />
    </button>
  );
});

function Head({ slot }: { slot: Slot }) {
  const { t } = useTranslation("station");
  const drifts = slot.twin?.drift ?? [];
  const state = slot.charger_state;
  return (
    <span className="line">
      <b className="n">
        <Said>{t("slot.word")} </Said>
        {slot.slot}
        {drifts.length > 0 && (
          <>
            <Mark />
            <Said> {drifts.map((alarm) => drift(alarm, null)).join("; ")}</Said>
          </>
        )}
      </b>
      {state !== null && !(isEmpty(slot) && state === "idle") && (
        <span className="state">
          <i aria-hidden="true">{LETTER[state]}</i>
          <span className="word">{t(`charger.${state}`)}</span>
        </span>
      )}
    </span>
  );
}

function Level({ slot }: { slot: Slot }) {
  const { t } = useTranslation("station");
  const soc = shownSoc(slot);
  const level =
    soc.value === null
      ? isEmpty(slot)
        ? t("slot.empty")
        : UNKNOWN
      : `${soc.as === "estimated" ? "≈ " : ""}${percent(soc.value)}`;
  return (
    <span className={`level ${soc.as}`}>
      <span className="bar" aria-hidden="true">
        <span style={{ width: `${(soc.value ?? 0) * 100}%` }} />
      </span>
      <span className="number">{level}</span>
    </span>
  );
}

function Foot({ slot, readyAt }: { slot: Slot; readyAt: number | null | undefined }) {
  const { t } = useTranslation("station");
  const { zone } = useZone();
  const silent = slot.reason === "stale" || slot.reason === "no_communication";
  const seconds = useLive((live) => {
    const found = silent ? age(slot.data_time, live.now) : null;
    return found === null ? null : Math.floor(found);
  });
  const good = slot.quality === "good";
  const told = good && readyAt !== undefined && slot.ready !== true && slot.door_open !== true;
  const soon = useLive((live) => (told && live.now !== null ? eta(readyAt, live.now, zone) : null));
  const bare = useLive((live) => told && live.now !== null && isSpan(readyAt, live.now));
  const pack = slot.pack_id === null ? null : `…${slot.pack_id.slice(-4)}`;
  return (
    <span className="line foot">
      {pack !== null && <Said>{t("slot.pack", { pack: slot.pack_id })}</Said>}
      {good ? (
        <span aria-hidden="true">{pack}</span>
      ) : (
        <span className="why">{trouble(slot.quality, slot.reason, seconds)}</span>
      )}
      {slot.door_open === true && <Said>{t("slot.doorOpen")}</Said>}
      {slot.locked === false && slot.occupied === true && <Said>{t("slot.unlocked")}</Said>}
      {soon !== null && (
        <span className="soon">
          {bare && <Said>{t("slot.ready")} </Said>}
          {soon}
        </span>
      )}
      {slot.ready === true && (
        <span className={good ? "readymark" : "readymark estimated"}>
          {good ? "" : "≈ "}
          {t("slot.ready")}
        </span>
      )}
      <span className="glyphs" aria-hidden="true">
        <DoorGlyph open={slot.door_open} mark={slot.not_good["door_open"]} />
        <LockGlyph locked={slot.locked} mark={slot.not_good["locked"]} />
      </span>
    </span>
  );
}
