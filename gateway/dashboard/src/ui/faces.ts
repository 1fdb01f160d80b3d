import type { Layout } from "../state/station";
import { isAbnormal } from "../state/series";
import type { Slot } from "../state/types";
import { isEmpty, shownSoc } from "./slot";

export type By = "soc" | "temperature";

/** What the colours run from and to. */
export const RUNS: Record<By, readonly [number, number]> = { soc: [0, 1], temperature: [0, 60] };

/** How one slot looks from the front of the cabinet. */
export interface Face {
  slot: number;
  row: number;
  column: number;
  /** Where on the run of colours; null: there is nothing to colour. */
  share: number | null;
  value: number | null;
  empty: boolean;
  /** The value is not what the devices said just now. */
  hatched: boolean;
  estimated: boolean;
  open: boolean;
  abnormal: boolean;
}

export function facesOf(
  slots: readonly Slot[],
  layout: Layout,
  by: By,
  normal: readonly [number | null, number | null] | null,
): Face[] {
  const known = new Map(slots.map((slot) => [slot.slot, slot]));
  return layout.cells.flatMap((cells, row) =>
    cells.flatMap((number, column) => {
      const slot = number === null ? undefined : known.get(number);
      return slot === undefined ? [] : [{ slot: slot.slot, row, column, ...look(slot, by, normal) }];
    }),
  );
}

function look(slot: Slot, by: By, normal: Parameters<typeof facesOf>[3]): Omit<Face, "slot" | "row" | "column"> {
  const empty = isEmpty(slot);
  const { value, as } = empty ? ({ value: null, as: "unknown" } as const) : by === "soc" ? shownSoc(slot) : heat(slot);
  const [low, high] = RUNS[by];
  return {
    share: value === null ? null : Math.min(1, Math.max(0, (value - low) / (high - low))),
    value,
    empty,
    hatched: as === "stale" || as === "estimated" || (!empty && value === null),
    estimated: as === "estimated",
    open: slot.door_open === true,
    abnormal: slot.charger_state === "fault" || (by === "temperature" && isAbnormal(value, normal)),
  };
}

function heat(slot: Slot): { value: number | null; as: "live" | "estimated" | "stale" | "unknown" } {
  if (slot.temperature_c !== null && slot.not_good["temperature_c"] === undefined) {
    return { value: slot.temperature_c, as: "live" };
  }
  if (slot.twin?.temperature_c != null) return { value: slot.twin.temperature_c, as: "estimated" };
  return { value: slot.temperature_c, as: slot.temperature_c === null ? "unknown" : "stale" };
}

/** The colour between two, both as `#rrggbb`. */
export function shade(share: number, low: string, high: string): string {
  const [from, to] = [channels(low), channels(high)];
  return `#${from
    .map((start, i) => Math.round(start + ((to[i] ?? start) - start) * share).toString(16).padStart(2, "0"))
    .join("")}`;
}

/** Black or white, whichever is read more easily on a colour. */
export function ink(colour: string): "#000000" | "#ffffff" {
  const [red = 0, green = 0, blue = 0] = channels(colour).map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000000" : "#ffffff";
}

function channels(colour: string): number[] {
  const digits = colour.length === 4 ? colour.replace(/[0-9a-f]/gi, "$&$&") : colour;
  return [1, 3, 5].map((at) => parseInt(digits.slice(at, at + 2), 16));
}
