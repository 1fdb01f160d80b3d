export interface Measures {
  from: number;
  to: number;
  raised: number;
  per_hour: readonly { time: number; raised: number }[];
  per_operator_day: number | null;
  average_per_10_min: number | null;
  peak_per_10_min: number | null;
  flood_share: number | null;
  floods: readonly { start: number; end: number; raised: number }[];
  by_priority: Readonly<Partial<Record<"1" | "2" | "3" | "4", number>>>;
  chattering: readonly { id: string; raised: number }[];
  stale: readonly { id: string; since: number }[];
  top: readonly { id: string; station: string | null; condition: string; raised: number; share: number }[];
  unacknowledged_s: { p50: number | null; p95: number | null };
}

/** Guide values after ISA-18.2 / IEC 62682 for one operator. */
export const GUIDE = {
  perDay: 300,
  average: 2,
  peak: 10,
  floodShare: 0.01,
  chattering: 0,
  stale: 4,
} as const;

/** The shares of priorities 1, 2 and 3 of what was raised; null where nothing was. */
export function shares(by: Measures["by_priority"]): [number, number, number] | null {
  const counts = [by["1"] ?? 0, by["2"] ?? 0, by["3"] ?? 0] as const;
  const all = counts[0] + counts[1] + counts[2];
  return all === 0 ? null : [counts[0] / all, counts[1] / all, counts[2] / all];
}
