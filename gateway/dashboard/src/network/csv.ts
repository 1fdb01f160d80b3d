import { HORIZONS, type Station } from "../state/types";
import type { CsvCell, CsvColumn } from "../ui/csv";

export const COLUMNS: readonly CsvColumn[] = [
  ...["id", "name", "latitude_deg", "longitude_deg", "slots", "ready", "ready_quality", "occupied", "charging", "faulted"].map(
    (name) => ({ name }),
  ),
  ...HORIZONS.map((horizon) => ({ name: `stockout_probability_${horizon}_s` })),
  { name: "forecast_time", time: true },
  ...["swaps_today", "lost_today", "power_w", "power_quality", "grid_limit_w"].map((name) => ({ name })),
  { name: "data_time", time: true },
  { name: "quality" },
  { name: "reason" },
];

export function csvRow(station: Station): CsvCell[] {
  return [
    station.id,
    station.name,
    station.latitude,
    station.longitude,
    station.slots,
    station.ready,
    station.ready_quality,
    station.occupied,
    station.charging,
    station.faulted,
    ...HORIZONS.map((horizon) => station.stockout_probability?.[horizon]),
    station.forecast_time,
    station.swaps_today,
    station.lost_today,
    station.power_w,
    station.power_quality,
    station.grid_limit_w,
    station.data_time,
    station.quality,
    station.reason,
  ];
}
