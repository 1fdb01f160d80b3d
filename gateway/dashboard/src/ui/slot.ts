import type { ChargerState, Quality, Reason, Slot } from "../state/types";

export const CHARGER: Record<ChargerState, { letter: string; word: string }> = {
  idle: { letter: "I", word: "idle" },
  charging: { letter: "C", word: "charging" },
  full: { letter: "F", word: "full" },
  cooling: { letter: "T", word: "cooling" },
  fault: { letter: "X", word: "fault" },
  disabled: { letter: "D", word: "disabled" },
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
