/** What one event frame means to a subscription whose last event had the number `last` (null: none yet). */
export interface EventStep {
  readonly last: number;
  /** Tell it on; a repeat is not told twice. */
  readonly deliver: boolean;
  /** Events between this one and the last never came. */
  readonly missed: boolean;
}

export function follow(last: number | null, seq: number): EventStep {
  if (last === null) return { last: seq, deliver: true, missed: false };
  if (seq <= last) return { last, deliver: false, missed: false };
  return { last: seq, deliver: true, missed: seq !== last + 1 };
}
