import type { Slot } from "../state/types";

/** A station's inner state as its emulator tells it. Item `i` of a list is slot `i + 1`. */
export interface Truth {
  time: number;
  ready: number;
  occupied: readonly boolean[];
  soc: readonly (number | null)[];
  queue: number;
  swaps: number;
  lost: number;
}

export interface Row {
  slot: number;
  occupied: boolean;
  soc: number | null;
  shown: Slot | undefined;
  /** Shown less true; null where there is nothing to compare. */
  difference: number | null;
  /** What is shown is not what is. */
  differs: boolean;
}

/** Telemetry is rounded and some seconds old: below this, what is shown is right. */
export const TOLERANCE = 0.02;

/** Slot by slot, what is and what is shown of it. */
export function compared(truth: Truth, slots: readonly Slot[]): Row[] {
  return truth.occupied.map((occupied, i) => {
    const soc = truth.soc[i] ?? null;
    const shown = slots.find((slot) => slot.slot === i + 1);
    const difference = soc === null || shown?.soc == null ? null : shown.soc - soc;
    const otherwise = shown?.occupied != null && shown.occupied !== occupied;
    const differs = otherwise || (difference !== null && Math.abs(difference) > TOLERANCE);
    return { slot: i + 1, occupied, soc, shown, difference, differs };
  });
}
