import { beforeAll, describe, expect, it } from "vitest";
import { bundled, speak } from "../i18n";
import station from "../i18n/en/station.json";
import type { Drift, Forecast, Skill } from "../state/types";
import { advised, alternatives, causes, drift, eta, etaTime, model, points, record, unbroken } from "./explain";

beforeAll(async () => {
  await speak("en");
  bundled("station", station);
});

const NOON = Date.UTC(2026, 10, 20, 12) / 1000;
const made = (changes: Partial<Forecast>) =>
  ({
    model: "ensemble/learned-demand",
    replicas: 500,
    quality: "good",
    data_age_s: 1,
    generated_at: NOON - 20,
    ...changes,
  }) as Forecast;

describe("when a pack is ready", () => {
  it("is a span within the hour and a time of day after it", () => {
    const tell = (left: number) => eta(NOON + left, NOON, "Asia/Taipei");
    expect([-5, 30, 710, 3599, 3600, 90_000].map(tell)).toEqual([
      "in <1 min",
      "in <1 min",
      "in 12 min",
      "in 60 min",
      "ready 21:00",
      "in 25 h",
    ]);
  });

  it("is never told of a pack that gets no power", () => {
    expect([eta(null, NOON, "UTC"), etaTime(null, NOON, "UTC")]).toEqual(["waiting", "waiting"]);
  });

  it("is a time of day in the details, until it has passed", () => {
    expect([etaTime(NOON + 120, NOON, "UTC"), etaTime(NOON - 1, NOON, "UTC")]).toEqual(["12:02", "already"]);
  });
});

describe("alarms", () => {
  const alarm = (kind: Drift["kind"], magnitude: number) => drift({ kind, magnitude, since: NOON - 600 }, NOON);

  it("say what is wrong, by how much and for how long", () => {
    expect(alarm("degraded charger", -0.3)).toBe("charger weaker than expected, −30 %, for 10 min");
    expect(alarm("station power mismatch", 0.2)).toBe("station draws more than its parts explain, +20 %, for 10 min");
    expect(alarm("station power mismatch", -0.2)).toMatch("less than");
    expect(alarm("soc sensor drift", -0.02)).toMatch("does not follow the charge, −2.0 % per hour");
  });
});

describe("why a forecast says what it says", () => {
  it("gives each cause its points of the risk", () => {
    const found = causes({ demand: -0.04, charging: 0.3, faults: 0.002 });
    expect(found.map(({ part }) => points(part))).toEqual(["−4", "+30", "0"]);
    expect(found[0]?.words).toBe("quieter than the day's mean");
    expect(causes({ demand: 0.1, charging: 0, faults: 0 })[0]?.words).toBe("busier or less certain than the day's mean");
  });

  it("says what the first action changes, or that none is enough", () => {
    const option = { action: "packs_added", amount: 2, slots: [], probability: 0.04 } as const;
    const advice = { target: 0.05, probability: 0.62, text: "", options: [option] };
    expect(advised(advice)).toBe("Bring 2 full packs: the risk of a stockout within 60 min falls from 62 % to 4 %.");
    expect(advised({ ...advice, options: [] })).toBe(
      "No single action brings the risk of a stockout within 60 min (62 %) under the target of 5 %.",
    );
  });

  it("names the other ways, with the risk that each leaves", () => {
    const options = [
      { action: "packs_added", amount: 1, slots: [], probability: 0.04 },
      { action: "slots_repaired", amount: 2, slots: [3, 7], probability: 0.05 },
      { action: "grid_limit_w", amount: 12_500, slots: [], probability: 0.001 },
      { action: "demand_reduced", amount: 0.15, slots: [], probability: 0.05 },
    ] as const;
    expect(alternatives(options)).toBe(
      "Also enough: repair slots 3, 7 (5 %); raise the grid limit to 12.5 kW (<1 %); " +
        "send 15 % of the riders to other stations (5 %).",
    );
    expect(alternatives(options.slice(0, 1))).toBeNull();
  });

  it("keeps numbers and units on one line", () => {
    expect(unbroken("falls to 4 % in 60 min, 9.5 kW, 3 stations")).toBe(
      "falls to 4\u00a0% in 60\u00a0min, 9.5\u00a0kW, 3 stations",
    );
  });

  it("names its model and where the demand is from", () => {
    expect(model(made({}), NOON)).toBe("500 futures from live data; demand learned.");
    expect(model(made({ model: "ensemble/stated-demand+boost" }), NOON)).toBe(
      "500 futures from live data; demand as stated in the site file, corrected by all stations together.",
    );
    expect(model(made({ model: "ensemble/assumed-demand" }), NOON)).toMatch("demand assumed");
    expect(model(made({ model: "another-2" }), NOON)).toBe("another-2.");
  });

  it("says how old its data is where the devices are silent", () => {
    const silent = { quality: "uncertain", data_age_s: 820 } as const;
    expect(model(made({ ...silent, model: "climatology" }), NOON)).toMatch(/^Climatology: no data for 14 min\./);
    expect(model(made(silent), NOON)).toMatch("from the twin's estimate, whose oldest data is 14 min old;");
    expect(model(made({ model: "climatology", data_age_s: null }), NOON)).toMatch(/^Climatology: no data\./);
  });
});

describe("how well forecasts have done", () => {
  const scored = (brier_skill: number | null) => ({ scores: { "3600": { forecasts: 1412, brier_skill } } }) as Skill;

  it("is told with the number of those that it rests on", () => {
    expect(record(scored(0.314))).toMatch(/^Brier skill 0\.31, 1,412 forecasts of 60 min scored/);
    expect(record(scored(-0.2))).toMatch(/^Brier skill −0\.20/);
    expect(record(scored(null))).toMatch("for a Brier skill");
  });

  it("is not told before the first has matured", () => {
    expect(record({ scores: {} })).toBe("Not scored yet.");
  });
});
