import type { History, Quality } from "./types";

/** One signal over time, oldest first. `v` is null where nothing was known; `q` is null where nothing was said. */
export interface Series {
  readonly t: readonly number[];
  readonly v: readonly (number | null)[];
  readonly q: readonly (Quality | null)[];
}

export const NOTHING: Series = { t: [], v: [], q: [] };

/** From UTC epoch seconds to UTC epoch seconds. */
export type Stretch = readonly [number, number];

/** What the gateway has stored. A bad value is not drawn; `stepped` signals have no mean between two states. */
export function stored(history: History, stepped: boolean): Series {
  const values = stepped ? history.last : history.mean;
  return {
    t: history.t,
    v: values.map((value, i) => (history.quality[i] === "bad" ? null : value)),
    q: history.quality,
  };
}

/** With one more point, unless it comes sooner than `apart` after the last and tells nothing new of the quality. */
export function extended(
  series: Series,
  point: { time: number; value: number | null; quality: Quality | null },
  apart: number,
  from: number,
): Series {
  const last = series.t.length - 1;
  const since = point.time - (series.t[last] ?? -Infinity);
  if (since <= 0 || (since < apart && series.q[last] === point.quality)) return series;
  const first = series.t.findIndex((time) => time >= from);
  const keep = first < 0 ? series.t.length : first;
  return {
    t: [...series.t.slice(keep), point.time],
    v: [...series.v.slice(keep), point.quality === "bad" ? null : point.value],
    q: [...series.q.slice(keep), point.quality],
  };
}

/** Without the points at which there was no pack that could have had the value. */
export function whilePresent(series: Series, occupied: Series): Series {
  let at = 0;
  const absent = series.t.map((time) => {
    while (at + 1 < occupied.t.length && (occupied.t[at + 1] ?? Infinity) <= time) at += 1;
    return (occupied.t[at] ?? Infinity) <= time && occupied.v[at] === 0 && occupied.q[at] === "good";
  });
  if (!absent.includes(true)) return series;
  return {
    t: series.t,
    v: series.v.map((value, i) => (absent[i] ? null : value)),
    q: series.q.map((quality, i) => (absent[i] ? null : quality)),
  };
}

/** The stretches over which a signal was told and was not good, each up to the next point or to `until`. */
export function notGood(series: Series, until: number): Stretch[] {
  const found: [number, number][] = [];
  series.q.forEach((quality, i) => {
    if (quality === null || quality === "good") return;
    const start = series.t[i] ?? until;
    const end = series.t[i + 1] ?? until;
    const last = found.at(-1);
    if (last !== undefined && last[1] === start) last[1] = end;
    else if (end > start) found.push([start, end]);
  });
  return found;
}

/** The lowest and highest that an axis must show: what was there, and where it is normal, with some air. */
export function span(
  lines: readonly (readonly (number | null)[])[],
  normal: readonly [number | null, number | null] | null,
): [number, number] {
  let low = normal?.[0] ?? Infinity;
  let high = normal?.[1] ?? -Infinity;
  for (const line of lines) {
    for (const value of line) {
      if (value === null) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (low === Infinity && high === -Infinity) return [0, 1];
  if (low === Infinity) low = high;
  if (high === -Infinity) high = low;
  if (low === 0 && high === 0) return [0, 1];
  if (low === high) return [low - (Math.abs(low) || 1) * 0.05, high + (Math.abs(high) || 1) * 0.05];
  const air = (high - low) * 0.06;
  return [low >= 0 && low - air < 0 ? 0 : low - air, high + air];
}

/** Whether a value lies outside the range in which it is normal. */
export function isAbnormal(
  value: number | null | undefined,
  normal: readonly [number | null, number | null] | null | undefined,
): boolean {
  if (value == null || normal == null) return false;
  const [low, high] = normal;
  return (low !== null && value < low) || (high !== null && value > high);
}

/** Several signals as one table: every time that one of them has, and of each its latest value by then. */
export function table(all: readonly Series[]): { time: number; values: (number | null)[]; quality: Quality | null }[] {
  const times = [...new Set(all.flatMap((series) => series.t))].sort((a, b) => a - b);
  const at = all.map(() => -1);
  return times.map((time) => {
    all.forEach((series, i) => {
      while ((series.t[(at[i] ?? -1) + 1] ?? Infinity) <= time) at[i] = (at[i] ?? -1) + 1;
    });
    return {
      time,
      values: all.map((series, i) => series.v[at[i] ?? -1] ?? null),
      quality: all[0]?.q[at[0] ?? -1] ?? null,
    };
  });
}
