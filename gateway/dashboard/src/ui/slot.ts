import type { ChargerState, Quality, Reason, Slot } from "../state/types";

/** The letter of each state of a charger, for where its word has no room; the same in every language. */
export const LETTER: Record<ChargerState, string> = {
  idle: "I",
  charging: "C",
  full: "F",
  cooling: "T",
  fault: "X",
  disabled: "D",
};

export interface Soc {
  value: number | null;
  as: "live" | "estimated" | "stale" | "unknown";
}

/** The state of charge to show: live where that is good, else the twin's estimate, else the last known, as such. */
export function shownSoc(slot: Slot): Soc {
  const mark = slot.not_good["soc"];
  if (slot.soc !== null && mark === undefined) return { value: slot.soc, as: "live" };
  if (slot.occupied === false && slot.not_good["occupied"] === undefined) return { value: null, as: "unknown" };
  if (slot.twin?.soc != null) return { value: slot.twin.soc, as: "estimated" };
  return slot.soc === null ? { value: null, as: "unknown" } : { value: slot.soc, as: "stale" };
}

export function isEmpty(slot: Slot): boolean {
  return slot.occupied === false && slot.not_good["occupied"] === undefined;
}

/** Quality and reason of one signal of a slot. */
export function markOf(slot: Slot, signal: string): { quality: Quality; reason: Reason | null } {
  const mark = slot.not_good[signal];
  if (mark === undefined) return { quality: "good", reason: null };
  const [quality, reason] = mark.split("/") as [Quality, Reason | "None" | undefined];
  return { quality, reason: reason === undefined || reason === "None" ? null : reason };
}
