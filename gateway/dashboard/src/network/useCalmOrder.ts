import { useReducer, useRef } from "react";
import { worstFirst } from "../state/rank";
import type { Station } from "../state/types";

/** For so long after the last touch of the list no row moves under the hand. */
const CALM_MS = 10_000;

export interface CalmOrder {
  stations: readonly Station[];
  /** The order shown is not the present one. */
  held: boolean;
  touch: () => void;
  release: () => void;
}

/** Stations worst first; while somebody works in the list the order waits. */
export function useCalmOrder(stations: readonly Station[]): CalmOrder {
  const touched = useRef(-CALM_MS);
  const kept = useRef<readonly string[]>([]);
  const [, again] = useReducer((times: number) => times + 1, 0);
  const sorted = [...stations].sort(worstFirst);
  const touch = () => {
    touched.current = performance.now();
  };
  const release = () => {
    touched.current = -CALM_MS;
    again();
  };
  if (performance.now() - touched.current >= CALM_MS) {
    kept.current = sorted.map((station) => station.id);
    return { stations: sorted, held: false, touch, release };
  }
  const place = new Map(kept.current.map((id, i) => [id, i]));
  const shown = sorted.toSorted((a, b) => (place.get(a.id) ?? Infinity) - (place.get(b.id) ?? Infinity) || 0);
  return { stations: shown, held: shown.some((station, i) => station !== sorted[i]), touch, release };
}
