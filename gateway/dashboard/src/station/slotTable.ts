import type { Slot } from "../state/types";
import type { CsvCell, CsvColumn } from "../ui/csv";

const SIGNALS = [
  "slot",
  "occupied",
  "pack_id",
  "soc",
  "soh",
  "temperature_c",
  "charger_state",
  "power_w",
  "voltage_v",
  "current_a",
  "door_open",
  "locked",
  "enabled",
  "ready",
] as const;

export const SLOT_COLUMNS: readonly CsvColumn[] = [
  { name: "time", time: true },
  ...SIGNALS.map((name) => ({ name })),
  { name: "twin_soc" },
  { name: "twin_temperature_c" },
  { name: "quality" },
  { name: "reason" },
  { name: "not_good" },
];

/** What the cabinet shows, a row for each slot; signals that are not good are named with their quality. */
export function slotRows(slots: readonly Slot[]): CsvCell[][] {
  return slots.map((slot) => [
    slot.data_time,
    ...SIGNALS.map((signal) => slot[signal]),
    slot.twin?.soc,
    slot.twin?.temperature_c,
    slot.quality,
    slot.reason,
    Object.entries(slot.not_good)
      .map(([signal, mark]) => `${signal} ${mark}`)
      .join("; "),
  ]);
}
