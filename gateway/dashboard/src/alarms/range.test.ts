import { expect, it } from "vitest";
import { fieldOf, timeOf } from "./range";

const utc = (text: string) => Date.parse(text) / 1000;

it("reads what it writes, in any zone", () => {
  for (const zone of ["UTC", "Asia/Kolkata", "America/New_York", undefined]) {
    const time = utc("2026-11-26T23:40:00Z");
    expect(timeOf(fieldOf(time, zone), zone)).toBe(time);
  }
  expect(fieldOf(utc("2026-11-26T23:40:00Z"), "Asia/Kolkata")).toBe("2026-11-27T05:10");
});

it("knows nights with a clock change", () => {
  expect(timeOf("2026-10-25T01:30", "Europe/Berlin")).toBe(utc("2026-10-24T23:30:00Z"));
  expect(timeOf("2026-10-25T02:30", "Europe/Berlin")).toBe(utc("2026-10-25T00:30:00Z"));
  expect(timeOf("2026-10-25T03:30", "Europe/Berlin")).toBe(utc("2026-10-25T02:30:00Z"));
  expect(timeOf("2026-03-29T02:30", "Europe/Berlin")).toBe(utc("2026-03-29T01:30:00Z"));
});

it("takes an empty field for no time", () => {
  expect(timeOf("", "UTC")).toBeNull();
});
