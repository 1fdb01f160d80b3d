import { useMemo, useRef } from "react";
import { band, FORECAST_LIFE_S, type Band } from "../state/rank";
import type { Station } from "../state/types";
import type { Spot } from "./mercator";

/** A station on the map. */
export interface Place extends Spot {
  id: string;
  name: string;
  /** Unknown: there is no forecast. */
  mark: Band | "unknown";
  /** The data or the forecast is not current. */
  old: boolean;
}

const ORDER: Record<Place["mark"], number> = { none: 0, unknown: 1, low: 2, medium: 3, high: 4 };

/** Stations as places, the worst last so that it is drawn on top. */
export function places(stations: readonly Station[], now: number | null): Place[] {
  return stations
    .map((station): Place => {
      const p = station.stockout_probability?.["3600"];
      const late = now !== null && station.forecast_time !== null && now - station.forecast_time > FORECAST_LIFE_S;
      return {
        id: station.id,
        name: station.name,
        longitude: station.longitude,
        latitude: station.latitude,
        mark: p == null ? "unknown" : band(p),
        old: late || station.quality !== "good",
      };
    })
    .sort((a, b) => ORDER[a.mark] - ORDER[b.mark] || a.id.localeCompare(b.id));
}

/** The same array as long as nothing on the map would look different: then nothing is drawn. */
export function usePlaces(stations: readonly Station[], now: number | null): readonly Place[] {
  const kept = useRef<{ key: string; places: readonly Place[] }>({ key: "", places: [] });
  return useMemo(() => {
    const fresh = places(stations, now);
    const key = JSON.stringify(fresh);
    if (key !== kept.current.key) kept.current = { key, places: fresh };
    return kept.current.places;
  }, [stations, now]);
}

/** Which names find room beside their marks without touching another, the worst first. */
export function labelled(
  all: readonly Place[],
  project: (spot: Spot) => [number, number],
  width: number,
  height: number,
): Place[] {
  const MOST = 30;
  const marks = all.map(project);
  const taken: { x: number; y: number; width: number }[] = [];
  const found: Place[] = [];
  for (const place of all.toReversed()) {
    if (found.length === MOST) break;
    const [x, y] = project(place);
    if (x < 0 || y < 0 || x > width || y > height) continue;
    const box = { x, y, width: 26 + 8 * place.name.length };
    const free = taken.every(
      (other) => Math.abs(other.y - y) > 18 || x > other.x + other.width || x + box.width < other.x,
    );
    const covered = marks.some(([mx, my]) => mx > x + 2 && mx < x + box.width && Math.abs(my - y) < 14);
    if (!free || covered) continue;
    taken.push(box);
    found.push(place);
  }
  return found;
}
