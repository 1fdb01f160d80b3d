import type { AlarmState, Priority } from "../state/alarms";

export type Change =
  | "raised"
  | "acknowledged"
  | "returned"
  | "shelved"
  | "unshelved"
  | "suppressed"
  | "unsuppressed"
  | "out_of_service"
  | "in_service"
  | "cleared";

export interface Entry {
  seq: number;
  time: number;
  id: string;
  station: string | null;
  condition: string;
  priority: Priority;
  change: Change;
  state: AlarmState | "normal";
  by: string | null;
  comment: string | null;
  value: number | null;
}

/** What an alarm's texts fill in, read from its id: `S002.slot.03.charger_fault`, `S002.cabinet.device_away`. */
export function valuesOf(id: string): { slot?: number; device?: string } {
  const slot = /\.slot\.(\d+)\.[^.]+$/.exec(id);
  if (slot !== null) return { slot: Number(slot[1]) };
  const device = /^[^.]+\.([^.]+)\.[^.]+$/.exec(id);
  return device === null ? {} : { device: device[1]! };
}
