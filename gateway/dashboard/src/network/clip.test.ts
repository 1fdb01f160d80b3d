import { describe, expect, it } from "vitest";
import { within } from "./clip";
import { fit, surroundings } from "./mercator";
import type { Outline } from "./outline";

const SQUARE: Outline["land"][number] = [[[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]];

describe("the outline near a place", () => {
  it("is the part of the land in the box", () => {
    const { land } = within({ land: [SQUARE], borders: [] }, [5, 5, 20, 20]);
    expect(land).toHaveLength(1);
    expect(new Set(land[0]?.[0]?.map(String))).toEqual(new Set(["5,5", "10,5", "10,10", "5,10"]));
  });

  it("is the whole box in the middle of a continent, and nothing on the sea", () => {
    expect(new Set(within({ land: [SQUARE], borders: [] }, [4, 4, 5, 5]).land[0]?.[0]?.map(String))).toEqual(
      new Set(["4,4", "5,4", "5,5", "4,5"]),
    );
    expect(within({ land: [SQUARE], borders: [] }, [40, 40, 50, 50]).land).toEqual([]);
  });

  it("keeps the stretches of a border that touch it", () => {
    const border: Outline["borders"][number] = [[-5, 1], [-4, 1], [1, 1], [2, 1], [9, 1], [10, 1], [9, 2], [1, 2]];
    expect(within({ land: [], borders: [border] }, [0, 0, 3, 3]).borders).toEqual([
      [[-4, 1], [1, 1], [2, 1], [9, 1]],
      [[9, 2], [1, 2]],
    ]);
  });

  it("stays the same while the map is moved a little", () => {
    const view = fit([{ longitude: 80.9, latitude: 26.8 }, { longitude: 81.1, latitude: 26.9 }], 600, 800, 40);
    const moved = { ...view, longitude: view.longitude + 0.001 };
    expect(surroundings(moved, 600, 800)).toEqual(surroundings(view, 600, 800));
    const [west, south, east, north] = surroundings(view, 600, 800);
    expect(west < 80.9 && south < 26.8 && east > 81.1 && north > 26.9).toBe(true);
  });
});
