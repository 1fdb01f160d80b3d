import { describe, expect, it } from "vitest";
import { fromHistory, Trace } from "./trace";

describe("a trace", () => {
  it("keeps the newest points in order of time", () => {
    const trace = new Trace(3);
    for (const [time, value] of [[1, 10], [2, 20], [3, 30], [4, 40], [4, 99], [2, 99]] as const) trace.add(time, value);
    expect(trace.since(0)).toEqual([[2, 3, 4], [20, 30, 40]]);
    expect(trace.since(3)).toEqual([[3, 4], [30, 40]]);
  });

  it("keeps points apart, but loses no step and no gap", () => {
    const trace = new Trace(9);
    for (const [time, value] of [[0, 5], [1, 5], [2, 6], [3, NaN], [4, NaN], [5, 6], [14, 6]] as const)
      trace.add(time, value, 10, true);
    expect(trace.since(0)).toEqual([[0, 2, 3, 5], [5, 6, null, 6]]);
    const smooth = new Trace(9);
    for (const [time, value] of [[0, 5], [4, 6], [10, 7], [12, 8]] as const) smooth.add(time, value, 10);
    expect(smooth.since(0)).toEqual([[0, 10], [5, 7]]);
  });

  it("shows bad and missing history as gaps, never as a line", () => {
    const trace = fromHistory(
      { t: [1, 2, 3], mean: [5, 5, 5], last: [5, 5, null], quality: ["good", "bad", null] },
      10,
    );
    expect(trace.since(0)).toEqual([[1, 2, 3], [5, null, null]]);
  });
});
