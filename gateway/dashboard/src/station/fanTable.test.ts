import { describe, expect, it } from "vitest";
import { Trace } from "../state/trace";
import { AT, fanData, type Futures } from "./fanData";
import { valueAt } from "./table";
import { FAN_COLUMNS, fanRows } from "./fanTable";

const futures: Futures = {
  generated_at: 100,
  ready: { t: [100, 160], p05: [4, 2], p25: [4, 3], p50: [4, 4], p75: [4, 5], p95: [4, 6] },
  stockout_probability: { "900": 0.1, "1800": 0.2, "3600": 0.3, "7200": null },
};

function past(...points: [number, number][]): Trace {
  const trace = new Trace(9);
  for (const [time, value] of points) trace.add(time, value);
  return trace;
}

describe("history and futures on one axis", () => {
  const data = fanData(
    { ready: past([10, 5], [50, NaN]), riskThen: past([60, 0.4]), earlier: [[60, 200], [4, 3]] },
    futures,
    undefined,
    0,
    100,
  );

  it("has every time once, in order", () => {
    expect([...data[0]]).toEqual([10, 50, 60, 100, 160, 1000, 1900, 3700, 7300]);
  });

  it("shows what was told an hour before up to now only", () => {
    expect(data[AT.earlier]).toEqual([undefined, undefined, 4, ...Array<undefined>(6).fill(undefined)]);
  });

  it("carries a value on to the next point, but not over a gap", () => {
    expect([0, 1, 2].map((i) => valueAt(data, AT.ready, i))).toEqual([5, null, null]);
    expect(valueAt(data, AT.fan.p05, 6)).toBe(2);
    expect([4, 6, 8].map((i) => valueAt(data, AT.risk, i))).toEqual([null, 0.2, null]);
  });

  it("is saved with a column for each name and the quality of what was measured", () => {
    const rows = fanRows({ ready: past([10, 5], [50, NaN]), riskThen: past(), earlier: [[], []] }, futures, futures, 0, 100);
    expect(rows.every((row) => row.length === FAN_COLUMNS.length)).toBe(true);
    expect(rows.map((row) => row.at(-1))).toEqual(["good", "unknown", "", "", "", "", "", ""]);
    expect(rows[3]?.slice(4, 9)).toEqual([2, 3, 4, 5, 6]);
    expect(rows[3]?.slice(10, 13)).toEqual([2, 4, 6]);
  });
});
