import i18next from "i18next";
import { age, span, trouble, UNKNOWN } from "../i18n/format";
import { useLive } from "../state/live";
import type { Quality, Reason } from "../state/types";

type Drawn = "live" | "estimated" | "stale" | "unknown";

export function drawnAs(known: boolean, quality: Quality, reason: Reason | null): Drawn {
  if (!known) return "unknown";
  if (reason === "substituted") return "estimated";
  return quality === "good" ? "live" : "stale";
}

/** A value that cannot be mistaken for what it is not: live, the twin's estimate, or one that has stopped coming. */
export function Value({ text, as, title }: { text: string; as: Drawn; title?: string }) {
  if (as === "live") return <span className="value">{text}</span>;
  if (as === "unknown") return <span className="value unknown">{UNKNOWN}</span>;
  return (
    <span className={`value ${as}`} title={title ?? i18next.t(`value.${as}`)}>
      {as === "estimated" ? "≈ " : ""}
      {text}
    </span>
  );
}

/** How long ago something was measured, counted up every second. */
export function Age({ time }: { time: number | null }) {
  const seconds = useLive((live) => {
    const found = age(time, live.now);
    return found === null ? null : Math.floor(found);
  });
  return <span className="age">{seconds === null ? UNKNOWN : span(seconds)}</span>;
}

/** The quality as shape and words; good is quiet. */
export function QualityMark({ quality, reason, time }: { quality: Quality; reason: Reason | null; time: number | null }) {
  const silent = reason === "stale" || reason === "no_communication";
  const seconds = useLive((live) => {
    const found = silent ? age(time, live.now) : null;
    return found === null ? null : Math.floor(found);
  });
  const offline = useLive((live) => live.everLive && live.link.phase !== "live");
  if (offline && quality === "good") return <span className="quality uncertain">{i18next.t("quality.wasGood")}</span>;
  return (
    <span className={`quality ${quality}`}>
      {quality !== "good" && (
        <svg viewBox="0 0 16 16" aria-hidden="true">
          {quality === "bad" ? <path d="M3 3l10 10M13 3L3 13" /> : <circle cx="8" cy="8" r="5.5" />}
        </svg>
      )}
      {trouble(quality, reason, seconds)}
    </span>
  );
}
