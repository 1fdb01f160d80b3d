import { describe, expect, it } from "vitest";
import { Trace } from "../state/trace";
import type { Slot } from "../state/types";
import { residual, residuals } from "./residual";

function trace(...points: [number, number][]): Trace {
  const found = new Trace(9);
  for (const [time, value] of points) found.add(time, value);
  return found;
}

describe("live minus twin", () => {
  it("compares each measured point with what was believed at that time", () => {
    const live = trace([10, 0.5], [20, 0.6], [30, NaN], [40, 0.8]);
    const [times, values] = residuals(live, trace([15, 0.5], [38, 0.9]), 0);
    expect(times).toEqual([10, 20, 30, 40]);
    expect(values.map((value) => (value === null ? null : Math.round(value * 100)))).toEqual([null, 10, null, -10]);
  });

  it("is not known where the value is not good or the twin is on its own", () => {
    const twin = { soc: 0.5, temperature_c: 20, quality: "good", reason: null, drift: [] } as const;
    const slot = { soc: 0.6, not_good: {}, twin } as unknown as Slot;
    expect(residual(slot)).toBeCloseTo(0.1);
    expect(residual({ ...slot, not_good: { soc: "uncertain/stale" } })).toBeNull();
    expect(residual({ ...slot, twin: { ...twin, reason: "substituted" } })).toBeNull();
    expect(residual({ ...slot, twin: null })).toBeNull();
    expect(residual({ ...slot, soc: null })).toBeNull();
  });
});
