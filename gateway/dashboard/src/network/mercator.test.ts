import { describe, expect, it } from "vitest";
import { fit, projection, scaleBar } from "./mercator";

const CITY = [
  { longitude: 80.9, latitude: 26.8 },
  { longitude: 81.1, latitude: 26.95 },
];

describe("the map", () => {
  it("shows every station within its margin", () => {
    const project = projection(fit(CITY, 640, 480, 40), 640, 480);
    for (const [x, y] of CITY.map(project)) {
      expect(x).toBeGreaterThanOrEqual(39.9);
      expect(x).toBeLessThanOrEqual(600.1);
      expect(y).toBeGreaterThanOrEqual(39.9);
      expect(y).toBeLessThanOrEqual(440.1);
    }
  });

  it("has north above and east at the right", () => {
    const [[westX = 0, southY = 0] = [], [eastX = 0, northY = 0] = []] = CITY.map(
      projection(fit(CITY, 640, 480, 40), 640, 480),
    );
    expect(eastX).toBeGreaterThan(westX);
    expect(northY).toBeLessThan(southY);
  });

  it("does not look closer than a city, at one station", () => {
    expect(fit(CITY.slice(0, 1), 640, 480, 40).zoom).toBe(11);
  });

  it("has a round scale", () => {
    const { metres, pixels } = scaleBar(fit(CITY, 640, 480, 40), 120);
    expect([1, 2, 5]).toContain(metres / 10 ** Math.floor(Math.log10(metres)));
    expect(pixels).toBeLessThanOrEqual(120);
    expect(pixels).toBeGreaterThan(40);
  });
});
