import type { Trace } from "../state/trace";
import { HORIZONS, type Forecast } from "../state/types";
import { join, type Columns, type Table } from "./table";

/** What the chart needs of an ensemble of futures, be it the forecast or the answer to a what-if question. */
export type Futures = Pick<Forecast, "generated_at" | "ready" | "stockout_probability">;

/** The place of each series in the chart's data. */
export const AT = {
  ready: 1,
  fan: { p95: 2, p75: 3, p25: 4, p05: 5, p50: 6 },
  riskThen: 7,
  risk: 8,
  other: { p95: 9, p75: 10, p25: 11, p05: 12, p50: 13 },
  otherRisk: 14,
  earlier: 15,
} as const;

const BANDS = ["p95", "p75", "p25", "p05", "p50"] as const;

/** What a chart shows of the past: measured, told then of the hour after, and told an hour before. */
export interface PastOfFan {
  ready: Trace;
  riskThen: Trace;
  earlier: Columns;
}

/** History and futures on one axis of time. What was told an hour before is shown up to now. */
export function fanData(
  { ready, riskThen, earlier }: PastOfFan,
  futures: Futures | undefined,
  other: Futures | undefined,
  from: number,
  now: number,
): Table {
  return join([
    ready.since(from),
    bands(futures),
    riskThen.since(from),
    risk(futures),
    bands(other),
    risk(other),
    within(earlier, from, now),
  ]);
}

function within([times = [], values = []]: Columns, from: number, to: number): Columns {
  const shown = (_: unknown, i: number) => (times[i] ?? 0) >= from && (times[i] ?? 0) <= to;
  return [times.filter(shown), values.filter(shown)];
}

function bands(futures: Futures | undefined): Columns {
  if (futures === undefined) return [[], [], [], [], [], []];
  return [futures.ready.t, ...BANDS.map((band) => futures.ready[band])];
}

/** The chance of having run out, by the times for which it is told. */
function risk(futures: Futures | undefined): Columns {
  if (futures === undefined) return [[], []];
  const { generated_at: made, stockout_probability: chance } = futures;
  return [HORIZONS.map((horizon) => made + Number(horizon)), HORIZONS.map((horizon) => chance[horizon])];
}
