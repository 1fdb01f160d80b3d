import { describe, expect, it } from "vitest";
import type { Slot } from "../state/types";
import { square } from "../state/station";
import { facesOf, ink, shade } from "./faces";

const slot = (number: number, changes: Partial<Slot> = {}): Slot => ({
  slot: number,
  quality: "good",
  reason: null,
  source_time: 0,
  data_time: 0,
  occupied: true,
  enabled: true,
  door_open: false,
  locked: true,
  pack_id: "PK",
  soc: 0.5,
  soh: 0.9,
  temperature_c: 30,
  cycle_count: 1,
  capacity_wh: 1500,
  charger_state: "charging",
  power_w: 1,
  voltage_v: 1,
  current_a: 1,
  ready: false,
  not_good: {},
  twin: { soc: 0.4, temperature_c: 31, quality: "good", reason: null, drift: [] },
  ...changes,
});

describe("the cabinet's front", () => {
  const cells = [[2, 1], [null, 3]];
  it("has the slots where the door has them, and gaps where it has none", () => {
    const faces = facesOf([slot(1), slot(2), slot(3)], { rows: 2, columns: 2, cells }, "soc", null);
    expect(faces.map(({ slot: number, row, column }) => [number, row, column])).toEqual([
      [2, 0, 0],
      [1, 0, 1],
      [3, 1, 1],
    ]);
  });
  it("is as near to a square as it gets where nobody tells", () => {
    expect(square(5).cells).toEqual([
      [1, 2, 3],
      [4, 5, null],
    ]);
  });
});

describe("a face", () => {
  const face = (by: "soc" | "temperature", changes: Partial<Slot>) =>
    facesOf([slot(1, changes)], square(1), by, [0, 45])[0];
  it("shows what the devices say", () => {
    expect(face("soc", {})).toMatchObject({ share: 0.5, hatched: false, estimated: false });
    expect(face("temperature", {})).toMatchObject({ share: 0.5, value: 30, abnormal: false });
  });
  it("shows the twin's estimate as such where the devices' value is not good", () => {
    const stale = { soc: "uncertain/stale", temperature_c: "bad/no_communication" };
    expect(face("soc", { not_good: stale })).toMatchObject({ value: 0.4, hatched: true, estimated: true });
    expect(face("temperature", { not_good: stale })).toMatchObject({ value: 31, hatched: true, estimated: true });
  });
  it("shows nothing as nothing", () => {
    expect(face("soc", { occupied: false, soc: null })).toMatchObject({ share: null, empty: true, hatched: false });
    expect(face("soc", { soc: null, twin: null })).toMatchObject({ share: null, empty: false, hatched: true });
  });
  it("is abnormal where it is too hot or its charger has a fault", () => {
    expect(face("temperature", { temperature_c: 51 })?.abnormal).toBe(true);
    expect(face("soc", { temperature_c: 51 })?.abnormal).toBe(false);
    expect(face("soc", { charger_state: "fault" })?.abnormal).toBe(true);
  });
});

it("mixes two colours", () => {
  expect(shade(0, "#000000", "#ffffff")).toBe("#000000");
  expect(shade(0.5, "#000", "#fff")).toBe("#808080");
  expect(shade(1, "#ced3d6", "#3d5a77")).toBe("#3d5a77");
});

it("writes so that it can be read", () => {
  expect(ink("#ffffff")).toBe("#000000");
  expect(ink("#3d5a77")).toBe("#ffffff");
});
