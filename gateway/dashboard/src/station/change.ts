/** What is to be different in a what-if question. `null`: as it is. Slots by number. */
export interface Change {
  grid_limit_w: number | null;
  charger_power_w: number | null;
  packs_added: number;
  demand_factor: number;
  slots_repaired: readonly number[];
}

export const NO_CHANGE: Change = {
  grid_limit_w: null,
  charger_power_w: null,
  packs_added: 0,
  demand_factor: 1,
  slots_repaired: [],
};

const KEYS = Object.keys(NO_CHANGE) as (keyof Change)[];

/** The change that a link asks for. What is not a possible value is as if it were not there. */
export function readChange(query: URLSearchParams): Change {
  const number = (key: keyof Change, least: number, most: number): number | null => {
    const text = query.get(key);
    const value = text === null || text.trim() === "" ? NaN : Number(text);
    return value >= least && value <= most ? value : null;
  };
  const packs = number("packs_added", 0, 999);
  const slots = (query.get("slots_repaired") ?? "")
    .split(",")
    .map(Number)
    .filter((slot) => Number.isInteger(slot) && slot >= 1 && slot <= 999);
  return {
    grid_limit_w: number("grid_limit_w", 0, 1e9),
    charger_power_w: number("charger_power_w", 1, 1e7),
    packs_added: packs !== null && Number.isInteger(packs) ? packs : 0,
    demand_factor: number("demand_factor", 0, 100) ?? 1,
    slots_repaired: [...new Set(slots)].sort((a, b) => a - b),
  };
}

/** The parameters of a link to this change; null is one that the link does not have. */
export function linkOf(change: Change): Record<keyof Change, string | null> {
  const told = (key: keyof Change): string | null => {
    const value = change[key];
    if (typeof value === "object" && value !== null) return value.length === 0 ? null : value.join(",");
    return value === NO_CHANGE[key] || value === null ? null : String(value);
  };
  return Object.fromEntries(KEYS.map((key) => [key, told(key)])) as Record<keyof Change, string | null>;
}

export function changesNothing(change: Change): boolean {
  return Object.values(linkOf(change)).every((value) => value === null);
}

/** The body of the request: only what is to be different. */
export function question(change: Change): Partial<Change> {
  const link = linkOf(change);
  return Object.fromEntries(KEYS.filter((key) => link[key] !== null).map((key) => [key, change[key]]));
}
