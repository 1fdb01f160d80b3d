import { describe, expect, it } from "vitest";
import { band, worstFirst } from "./rank";
import type { Quality, Station } from "./types";

function station(id: string, hour: number | null, quality: Quality = "good"): Station {
  const p = hour === null ? null : { "900": 0, "1800": 0, "3600": hour, "7200": 1 };
  return { id, quality, stockout_probability: p } as Station;
}

describe("the order of stations", () => {
  it("puts the likeliest stockout within the hour first", () => {
    const rows = [station("A", 0.1), station("B", 0.9), station("C", 0.3)];
    expect(rows.sort(worstFirst).map((row) => row.id)).toEqual(["B", "C", "A"]);
  });

  it("puts silent stations before calm ones and behind those in danger", () => {
    const rows = [station("A", 0.02), station("B", null, "bad"), station("C", 0.2), station("D", 0.04, "uncertain")];
    expect(rows.sort(worstFirst).map((row) => row.id)).toEqual(["C", "B", "D", "A"]);
  });

  it("knows four bands", () => {
    expect([null, 0, 0.0449, 0.0451, 0.2, 0.5].map(band)).toEqual(["none", "none", "none", "low", "medium", "high"]);
  });
});
