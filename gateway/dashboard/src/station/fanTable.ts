import type { CsvCell, CsvColumn } from "../ui/csv";
import { AT, fanData, type Futures, type PastOfFan } from "./fanData";

export const FAN_COLUMNS: readonly CsvColumn[] = [
  { name: "time", time: true },
  { name: "ready" },
  { name: "stockout_probability_3600" },
  { name: "ready_p50_told_3600_s_before" },
  { name: "ready_p05" },
  { name: "ready_p25" },
  { name: "ready_p50" },
  { name: "ready_p75" },
  { name: "ready_p95" },
  { name: "stockout_probability_by_then" },
  { name: "whatif_ready_p05" },
  { name: "whatif_ready_p50" },
  { name: "whatif_ready_p95" },
  { name: "whatif_stockout_probability_by_then" },
  { name: "quality" },
];

const ORDER = [
  AT.ready,
  AT.riskThen,
  AT.earlier,
  AT.fan.p05,
  AT.fan.p25,
  AT.fan.p50,
  AT.fan.p75,
  AT.fan.p95,
  AT.risk,
  AT.other.p05,
  AT.other.p50,
  AT.other.p95,
  AT.otherRisk,
];

/** Everything that the fan chart shows, a row for each time. */
export function fanRows(
  past: PastOfFan,
  forecast: Futures | undefined,
  other: Futures | undefined,
  from: number,
  now: number,
): CsvCell[][] {
  const data = fanData(past, forecast, other, from, now);
  return data[0].map((time, i) => {
    const cells = ORDER.map((series) => data[series]?.[i]);
    const measured = data[AT.ready]?.[i];
    const quality = measured === undefined ? "" : measured === null ? "unknown" : "good";
    return [time, ...cells, quality];
  });
}
