import { useMemo } from "react";
import type { Keyed } from "../stream/protocol";
import { useAnswer } from "./useAnswer";
import type { Slot, Station } from "./types";

/** The cabinet's front: slot numbers row by row; null is a gap. */
export interface Layout {
  rows: number;
  columns: number;
  cells: readonly (readonly (number | null)[])[];
}

export interface SignalWord {
  entity: "slot" | "station";
  signal: string;
  unit: string;
  normal: readonly [number | null, number | null] | null;
  reported: boolean;
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

/** The signals of a slot by name, with the range that is normal at the station; nothing until that is known. */
export function useSlotWords(station: string): ReadonlyMap<string, SignalWord> | undefined {
  const answer = useAnswer<readonly SignalWord[]>(`/api/v1/stations/${encodeURIComponent(station)}/signals`, null);
  return useMemo(() => {
    if (answer.state === "waiting") return undefined;
    const words = answer.state === "here" ? answer.value : [];
    return new Map(words.filter((word) => word.entity === "slot").map((word) => [word.signal, word]));
  }, [answer]);
}
