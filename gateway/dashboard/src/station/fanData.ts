import uPlot from "uplot";
import type { Trace } from "../state/trace";
import { HORIZONS, type Forecast } from "../state/types";

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
} as const;

const BANDS = ["p95", "p75", "p25", "p05", "p50"] as const;

/** History and futures on one axis of time. */
export function fanData(
  ready: Trace,
  riskThen: Trace,
  futures: Futures | undefined,
  other: Futures | undefined,
  from: number,
): uPlot.AlignedData {
  const table = (columns: readonly (readonly (number | null)[])[]) => columns as unknown as uPlot.AlignedData;
  return uPlot.join([
    table(ready.since(from)),
    table(bands(futures)),
    table(riskThen.since(from)),
    table(risk(futures)),
    table(bands(other)),
    table(risk(other)),
  ]);
}

function bands(futures: Futures | undefined): readonly (readonly number[])[] {
  if (futures === undefined) return [[], [], [], [], [], []];
  return [futures.ready.t, ...BANDS.map((band) => futures.ready[band])];
}

/** The chance of having run out, by the times for which it is told. */
function risk(futures: Futures | undefined): (number | null)[][] {
  if (futures === undefined) return [[], []];
  const { generated_at: made, stockout_probability: chance } = futures;
  return [HORIZONS.map((horizon) => made + Number(horizon)), HORIZONS.map((horizon) => chance[horizon])];
}

/** The value that a series has at a point of the axis: its own, or the last before it. */
export function valueAt(data: uPlot.AlignedData, series: number, index: number): number | null {
  const values = data[series] ?? [];
  for (let i = index; i >= 0; i--) {
    const value = values[i];
    if (value !== undefined) return value;
  }
  return null;
}
