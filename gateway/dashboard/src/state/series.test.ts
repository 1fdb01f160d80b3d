import { describe, expect, it } from "vitest";
import { extended, isAbnormal, notGood, NOTHING, span, stored, table, whilePresent, type Series } from "./series";

const series = (t: number[], v: (number | null)[], q: Series["q"] = t.map(() => "good" as const)): Series => ({ t, v, q });

describe("what the gateway stored", () => {
  const history = {
    t: [0, 10, 20],
    mean: [1.5, 2, null],
    last: [1, 2, null],
    quality: ["good", "bad", null] as const,
  };
  it("draws means, and no bad value", () => {
    expect(stored(history, false).v).toEqual([1.5, null, null]);
  });
  it("draws the last state of what has no mean", () => {
    expect(stored(history, true).v).toEqual([1, null, null]);
  });
});

describe("a live point", () => {
  it("is taken once the last is old enough", () => {
    const one = extended(NOTHING, { time: 10, value: 1, quality: "good" }, 5, 0);
    expect(extended(one, { time: 12, value: 2, quality: "good" }, 5, 0)).toBe(one);
    expect(extended(one, { time: 15, value: 2, quality: "good" }, 5, 0).v).toEqual([1, 2]);
  });
  it("is taken at once where the quality changes", () => {
    const one = extended(NOTHING, { time: 10, value: 1, quality: "good" }, 60, 0);
    const two = extended(one, { time: 11, value: 1, quality: "uncertain" }, 60, 0);
    expect(two.q).toEqual(["good", "uncertain"]);
  });
  it("never goes back in time, and lets go of what left the window", () => {
    const one = series([1, 2, 3], [1, 2, 3]);
    expect(extended(one, { time: 3, value: 4, quality: "bad" }, 0, 0)).toBe(one);
    expect(extended(one, { time: 9, value: 4, quality: "good" }, 1, 2.5).t).toEqual([3, 9]);
  });
  it("is no value where it is bad", () => {
    expect(extended(NOTHING, { time: 1, value: 7, quality: "bad" }, 1, 0).v).toEqual([null]);
  });
});

describe("an empty slot", () => {
  it("has no values of a pack, and nothing is wrong with that", () => {
    const occupied = series([0, 10, 20], [1, 0, 1]);
    const soc = series([0, 5, 10, 15, 20], [0.5, 0.5, 0, 0, 0.2], ["good", "good", "bad", "bad", "good"]);
    const seen = whilePresent(soc, occupied);
    expect(seen.v).toEqual([0.5, 0.5, null, null, 0.2]);
    expect(notGood(seen, 30)).toEqual([]);
  });
  it("is not taken as empty where that is not known", () => {
    const soc = series([5], [0.5]);
    expect(whilePresent(soc, series([0], [0], ["bad"]))).toBe(soc);
    expect(whilePresent(soc, series([10], [0]))).toBe(soc);
    expect(whilePresent(soc, NOTHING)).toBe(soc);
  });
});

it("joins what was not good into stretches, up to now", () => {
  const seen = series([0, 10, 20, 30, 40], [1, 1, 1, 1, 1], ["good", "uncertain", "bad", "good", "uncertain"]);
  expect(notGood(seen, 55)).toEqual([
    [10, 30],
    [40, 55],
  ]);
});

describe("an axis", () => {
  it("shows what was there and where it is normal", () => {
    expect(span([[20, 50, null]], [0, 45])).toEqual([0, 53]);
    expect(span([[0.9]], [0.8, null])[0]).toBeCloseTo(0.794);
  });
  it("has a height even where nothing moved, or nothing is known", () => {
    expect(span([[40, 40]], null)).toEqual([38, 42]);
    expect(span([[null]], null)).toEqual([0, 1]);
    expect(span([[0]], null)).toEqual([0, 1]);
  });
});

it("tells what lies outside of its normal range", () => {
  expect(isAbnormal(46, [0, 45])).toBe(true);
  expect(isAbnormal(-1, [0, null])).toBe(true);
  expect(isAbnormal(99, [0, null])).toBe(false);
  expect(isAbnormal(null, [0, 1])).toBe(false);
  expect(isAbnormal(3, null)).toBe(false);
});

it("puts signals side by side, with the quality of the first", () => {
  const live = series([0, 10], [1, 2], ["good", "uncertain"]);
  expect(table([live, series([5, 10], [7, 8])])).toEqual([
    { time: 0, values: [1, null], quality: "good" },
    { time: 5, values: [1, 7], quality: "good" },
    { time: 10, values: [2, 8], quality: "uncertain" },
  ]);
});
