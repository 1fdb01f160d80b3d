import type { History } from "./types";

/** A bounded trace of one signal: the newest points, overwritten from the oldest, without copying on arrival. */
export class Trace {
  private readonly times: Float64Array;
  private readonly values: Float64Array;
  private next = 0;
  private count = 0;

  constructor(size: number) {
    this.times = new Float64Array(size);
    this.values = new Float64Array(size);
  }

  /** The time of the newest point. */
  get newest(): number {
    return this.count === 0 ? -Infinity : (this.times[this.last] ?? 0);
  }

  private get last(): number {
    return (this.next + this.times.length - 1) % this.times.length;
  }

  /**
   * Times must grow; a point that is not newer than the last is ignored. NaN is a gap. A point less than `apart` after
   * the last is ignored too, unless it is another value and `steps` must not be lost, or it begins or ends a gap.
   */
  add(time: number, value: number, apart = 0, steps = false): void {
    const size = this.times.length;
    if (this.count > 0) {
      const since = time - this.newest;
      const before = this.values[this.last] ?? NaN;
      const step = Number.isNaN(before) !== Number.isNaN(value) || (steps && !Object.is(before, value));
      if (since <= 0 || (since < apart && !step)) return;
    }
    this.times[this.next] = time;
    this.values[this.next] = value;
    this.next = (this.next + 1) % size;
    this.count = Math.min(this.count + 1, size);
  }

  /** The points since `from`, oldest first, as a chart takes them: null is a gap. */
  since(from: number): [number[], (number | null)[]] {
    const size = this.times.length;
    const times: number[] = [];
    const values: (number | null)[] = [];
    for (let i = 0; i < this.count; i++) {
      const at = (this.next + size - this.count + i) % size;
      const time = this.times[at] ?? 0;
      const value = this.values[at] ?? NaN;
      if (time < from) continue;
      times.push(time);
      values.push(Number.isNaN(value) ? null : value);
    }
    return [times, values];
  }
}

/** A trace that begins with what the gateway has stored. Bad values are gaps. */
export function fromHistory(history: History, size: number, shown: "last" | "mean" = "last"): Trace {
  const trace = new Trace(size);
  history.t.forEach((time, i) => {
    trace.add(time, history.quality[i] === "bad" ? NaN : (history[shown][i] ?? NaN));
  });
  return trace;
}
