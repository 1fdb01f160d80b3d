import type { Trace } from "../state/trace";
import type { Slot } from "../state/types";
import { markOf } from "../ui/slot";

/** How far the measured state of charge is from the twin's; null where either is not to be had. */
export function residual(slot: Slot): number | null {
  const { soc, twin } = slot;
  if (soc === null || twin?.soc == null || twin.reason === "substituted") return null;
  return markOf(slot, "soc").quality === "good" ? soc - twin.soc : null;
}

/** The same over time: each measured point against what the twin believed at that moment. */
export function residuals(live: Trace, twin: Trace, from: number): [number[], (number | null)[]] {
  const [times, values] = live.since(from);
  const [twinTimes, twinValues] = twin.since(-Infinity);
  let at = -1;
  return [
    times,
    values.map((value, i) => {
      while ((twinTimes[at + 1] ?? Infinity) <= (times[i] ?? 0)) at += 1;
      const believed = twinValues[at];
      return value === null || believed == null ? null : value - believed;
    }),
  ];
}
