import { beforeAll, describe, expect, it } from "vitest";
import { age, clockTime, dateAndZone, fixed, isoTime, moment, percent, probable, span, trouble } from "./format";
import { speak } from "./index";

describe("what an operator reads", () => {
  it("never rounds a probability to certainty", () => {
    expect([0, 0.001, 0.37, 0.998, 1, null].map(probable)).toEqual(["0 %", "<1 %", "37 %", ">99 %", "100 %", "–"]);
  });

  it("shows a nearly full pack as full", () => {
    expect([0.9999, 0.004, null].map(percent)).toEqual(["100 %", "0 %", "–"]);
  });

  it("tells a span in at most two units", () => {
    expect([0.4, 42.9, 185, 7800, 270_000].map(span)).toEqual(["0 s", "42 s", "3 min 05 s", "2 h 10 min", "3 d 3 h"]);
  });

  it("says how long data has been missing", () => {
    expect(trouble("uncertain", "stale", 42)).toBe("no data 42 s");
    expect(trouble("bad", "no_communication", null)).toBe("no contact");
    expect(trouble("bad", "no_communication", 7900)).toBe("no contact 2 h");
  });

  it("knows no age without a time, and none from the future", () => {
    expect(age(null, 100)).toBeNull();
    expect(age(103, 100)).toBe(0);
  });

  it("shows the site's own time through a clock change", () => {
    const before = Date.UTC(2026, 9, 25, 0, 59, 59) / 1000;
    expect(clockTime(before, "Europe/Berlin")).toBe("02:59:59");
    expect(clockTime(before + 1, "Europe/Berlin")).toBe("02:00:00");
    expect(dateAndZone(before, "Europe/Berlin").zone).toBe("Europe/Berlin, UTC+2");
    expect(dateAndZone(before + 1, "Europe/Berlin")).toEqual({ date: "Sun 25 Oct", zone: "Europe/Berlin, UTC+1" });
  });

  it("tells the two halves of the night of a clock change apart", () => {
    const first = Date.UTC(2026, 9, 25, 0, 30) / 1000;
    expect([first, first + 3600].map((time) => moment(time, "Europe/Berlin"))).toEqual([
      "25 Oct 02:30:00 UTC+2",
      "25 Oct 02:30:00 UTC+1",
    ]);
    expect(isoTime(first, "Asia/Kolkata")).toBe("2026-10-25T06:00:00+05:30");
    expect(isoTime(first, "America/St_Johns")).toBe("2026-10-24T22:00:00-02:30");
  });
});

describe("in German", () => {
  beforeAll(() => speak("de"));

  it("writes a comma and the words of the language", () => {
    expect(fixed(23.45, 1, "°C")).toBe("23,5 °C");
    expect(trouble("bad", "no_communication", 7900)).toBe("kein Kontakt 2 h");
  });
});
