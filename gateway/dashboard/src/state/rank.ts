import type { Quality, Station } from "./types";

export type Band = "high" | "medium" | "low" | "none";

/** How urgent a probability of running out is. */
export function band(probability: number | null | undefined): Band {
  if (probability == null || probability < 0.05) return "none";
  if (probability < 0.2) return "low";
  return probability < 0.5 ? "medium" : "high";
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
