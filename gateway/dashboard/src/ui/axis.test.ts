import { describe, expect, it } from "vitest";
import { clockTime } from "../i18n/format";
import { ticks } from "./axis";

describe("the axis of time", () => {
  const hours = (from: number, zone: string, most = 8) =>
    ticks(from, from + 6 * 3600, most, zone).map((time) => clockTime(time, zone, false));

  it("shows the hour twice that comes twice", () => {
    const evening = Date.UTC(2026, 9, 24, 22, 0) / 1000;
    expect(hours(evening, "Europe/Berlin")).toEqual(["00:00", "01:00", "02:00", "02:00", "03:00", "04:00", "05:00"]);
  });

  it("leaves out the hour that does not come", () => {
    const evening = Date.UTC(2026, 2, 28, 23, 0) / 1000;
    expect(hours(evening, "Europe/Berlin")).toEqual(["00:00", "01:00", "03:00", "04:00", "05:00", "06:00", "07:00"]);
  });

  it("stays on round hours of zones that are half an hour off", () => {
    const noon = Date.UTC(2026, 9, 24, 12, 10) / 1000;
    expect(hours(noon, "Asia/Kolkata", 3)).toEqual(["18:00", "20:00", "22:00"]);
  });

  it("stays on round hours after the change when steps are long", () => {
    const evening = Date.UTC(2026, 9, 24, 22, 0) / 1000;
    expect(hours(evening, "Europe/Berlin", 3)).toEqual(["00:00", "02:00", "04:00"]);
  });
});
