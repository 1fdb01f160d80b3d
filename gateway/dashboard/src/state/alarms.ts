/** Alarms as the gateway's topic `alarms` tells them, and what follows for a list of them. Pure. */

export type AlarmState =
  | "unacknowledged"
  | "acknowledged"
  | "returned"
  | "shelved"
  | "suppressed"
  | "out_of_service";
/** 1 is the most urgent; 4 is for diagnosis only. */
export type Priority = 1 | 2 | 3 | 4;

export const PRIORITIES: readonly Priority[] = [1, 2, 3, 4];
/** What stands in the list of alarms that somebody must look at; the others were put aside on purpose. */
export const STANDING: readonly AlarmState[] = ["unacknowledged", "returned", "acknowledged"];
export const ASIDE: readonly AlarmState[] = ["shelved", "suppressed", "out_of_service"];

export interface Alarm {
  id: string;
  station: string | null;
  source: string;
  condition: string;
  state: AlarmState;
  /** The condition holds at this moment. */
  active: boolean;
  priority: Priority;
  title: string;
  cause: string;
  consequence: string;
  action: string;
  respond_s: number | null;
  group: string | null;
  /** Null of one that was put aside while nothing was wrong. */
  since: number | null;
  returned_at: number | null;
  acked_at: number | null;
  acked_by: string | null;
  shelved_until: number | null;
  shelved_by: string | null;
  reason: string | null;
  value: number | null;
  limit: number | null;
  unit: string | null;
  text_key: string;
  text_values: Readonly<Record<string, unknown>>;
}

export function stands(alarm: Alarm): boolean {
  return STANDING.includes(alarm.state);
}

/** Nobody has said yet that they have seen it. */
export function waits(alarm: Alarm): boolean {
  return alarm.state === "unacknowledged" || alarm.state === "returned";
}

const newer = (a: Alarm, b: Alarm) => (b.since ?? 0) - (a.since ?? 0);

/** What waits for somebody before what does not, then by priority, then the newest. */
export function urgentFirst(a: Alarm, b: Alarm): number {
  return Number(waits(b)) - Number(waits(a)) || a.priority - b.priority || newer(a, b) || (a.id < b.id ? -1 : 1);
}

export interface Count {
  priority: Priority;
  standing: number;
  waiting: number;
}

export function counts(alarms: readonly Alarm[]): Count[] {
  return PRIORITIES.map((priority) => {
    const standing = alarms.filter((alarm) => alarm.priority === priority && stands(alarm));
    return { priority, standing: standing.length, waiting: standing.filter(waits).length };
  });
}

/** The alarm that asks for somebody most: one whose condition holds goes before one that is over. */
export function mostUrgent(alarms: readonly Alarm[]): Alarm | undefined {
  return alarms
    .filter(waits)
    .sort((a, b) => a.priority - b.priority || Number(b.active) - Number(a.active) || newer(a, b))[0];
}

export interface Choice {
  /** Empty: all. */
  priorities: readonly number[];
  state: AlarmState | "";
  station: string;
  words: string;
}

/** The alarms that the choice leaves; `textOf` is what the words are looked for in. */
export function chosen(alarms: readonly Alarm[], choice: Choice, textOf: (alarm: Alarm) => string): Alarm[] {
  const words = choice.words.toLowerCase().split(/\s+/).filter(Boolean);
  return alarms.filter((alarm) => {
    if (choice.priorities.length > 0 && !choice.priorities.includes(alarm.priority)) return false;
    if (choice.state !== "" && alarm.state !== choice.state) return false;
    if (choice.station !== "" && alarm.station !== choice.station) return false;
    if (words.length === 0) return true;
    const text = textOf(alarm).toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

export type Column = "priority" | "state" | "station" | "since" | "text";
export interface Order {
  column: Column;
  descending: boolean;
}

const STATES: readonly AlarmState[] = [...STANDING, ...ASIDE];

/** Sorted by a column; null is the list's own order, urgent first. */
export function sorted(alarms: readonly Alarm[], order: Order | null, textOf: (alarm: Alarm) => string): Alarm[] {
  const all = [...alarms];
  if (order === null) return all.sort(urgentFirst);
  const texts = new Map(order.column === "text" ? all.map((alarm) => [alarm.id, textOf(alarm)]) : []);
  const by: Record<Column, (a: Alarm, b: Alarm) => number> = {
    priority: (a, b) => a.priority - b.priority,
    state: (a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state),
    station: (a, b) => (a.station ?? "").localeCompare(b.station ?? "", undefined, { numeric: true }),
    since: (a, b) => newer(b, a),
    text: (a, b) => (texts.get(a.id) ?? "").localeCompare(texts.get(b.id) ?? ""),
  };
  const sign = order.descending ? -1 : 1;
  return all.sort((a, b) => sign * by[order.column](a, b) || urgentFirst(a, b));
}

/** A click on a column's head: up, then down, then the list's own order again. */
export function nextOrder(order: Order | null, column: Column): Order | null {
  if (order?.column !== column) return { column, descending: false };
  return order.descending ? null : { column, descending: true };
}
