import { describe, expect, it } from "vitest";
import { changesNothing, linkOf, NO_CHANGE, question, readChange, type Change } from "./change";

function query(change: Change): URLSearchParams {
  const found = new URLSearchParams({ slot: "3" });
  for (const [key, value] of Object.entries(linkOf(change))) if (value !== null) found.set(key, value);
  return found;
}

const ALL: Change = {
  grid_limit_w: 24_000,
  charger_power_w: 1500,
  packs_added: 2,
  demand_factor: 1.25,
  slots_repaired: [3, 7],
};

describe("the link of a what-if question", () => {
  it("carries every change there and back", () => {
    expect(readChange(query(ALL))).toEqual(ALL);
    expect(query(ALL).toString()).toBe(
      "slot=3&grid_limit_w=24000&charger_power_w=1500&packs_added=2&demand_factor=1.25&slots_repaired=3%2C7",
    );
  });

  it("says nothing of what stays as it is", () => {
    expect(query(NO_CHANGE).toString()).toBe("slot=3");
    expect(changesNothing(NO_CHANGE)).toBe(true);
    expect(changesNothing({ ...NO_CHANGE, grid_limit_w: 0 })).toBe(false);
    expect(question({ ...NO_CHANGE, grid_limit_w: 0, demand_factor: 0 })).toEqual({ grid_limit_w: 0, demand_factor: 0 });
  });

  it("asks the gateway with the same names", () => {
    expect(question(ALL)).toEqual(ALL);
    expect(question({ ...NO_CHANGE, packs_added: 1 })).toEqual({ packs_added: 1 });
  });

  it("takes no nonsense from a link", () => {
    const bad = "grid_limit_w=-1&charger_power_w=0&packs_added=1.5&demand_factor=NaN&slots_repaired=0,x,7,7,2.5,3";
    expect(readChange(new URLSearchParams(bad))).toEqual({ ...NO_CHANGE, slots_repaired: [3, 7] });
    expect(readChange(new URLSearchParams("grid_limit_w=&demand_factor=1e9"))).toEqual(NO_CHANGE);
  });
});
