import type { Keyed } from "../stream/protocol";
import type { Slot, Station } from "./types";

/** The cabinet's front: slot numbers row by row; null is a gap. */
export interface Layout {
  rows: number;
  columns: number;
  cells: readonly (readonly (number | null)[])[];
}

/** What the topic `station/{id}` holds. */
export function partsOf(keyed: Keyed | undefined): { summary: Station | undefined; slots: readonly Slot[] } {
  if (keyed === undefined) return { summary: undefined, slots: [] };
  const slots = Object.keys(keyed)
    .filter((key) => key.startsWith("slot/"))
    .map((key) => keyed[key] as unknown as Slot)
    .sort((a, b) => a.slot - b.slot);
  return { summary: keyed["station"] as unknown as Station | undefined, slots };
}

export function layoutOf(keyed: Keyed | undefined, slots: number): Layout {
  return (keyed?.["station"]?.["layout"] as Layout | undefined) ?? square(slots);
}

/** For a gateway that does not tell where the slots are: as near to a square as it gets. */
export function square(slots: number): Layout {
  const columns = Math.max(1, Math.ceil(Math.sqrt(slots)));
  const rows = Math.max(1, Math.ceil(slots / columns));
  const number = (row: number, column: number) => row * columns + column + 1;
  const cells = Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => (number(row, column) <= slots ? number(row, column) : null)),
  );
  return { rows, columns, cells };
}
