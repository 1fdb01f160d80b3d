import type { Quality, Station } from "./types";

/** A forecast whose first horizon has passed says nothing about the next quarter of an hour. */
export const FORECAST_LIFE_S = 900;

export type Band = "high" | "medium" | "low" | "none";

/** How urgent a probability of running out is, in whole percent as it is shown: equal figures look equal. */
export function band(probability: number | null | undefined): Band {
  const percent = Math.round((probability ?? 0) * 100);
  if (percent < 5) return "none";
  if (percent < 20) return "low";
  return percent < 50 ? "medium" : "high";
}

const SEVERITY: Record<Quality, number> = { good: 0, uncertain: 1, bad: 2 };

/**
 * Worst first: by P(stockout) within the hour while that is of any concern; among the calm ones those whose data is
 * not good come first, since a silent station may be worse than it looks.
 */
export function worstFirst(a: Station, b: Station): number {
  const concern = (station: Station) => {
    const p = station.stockout_probability?.["3600"] ?? 0;
    return band(p) === "none" ? 0 : p;
  };
  return (
    concern(b) - concern(a) ||
    SEVERITY[b.quality] - SEVERITY[a.quality] ||
    (b.stockout_probability?.["3600"] ?? 0) - (a.stockout_probability?.["3600"] ?? 0) ||
    a.id.localeCompare(b.id)
  );
}
