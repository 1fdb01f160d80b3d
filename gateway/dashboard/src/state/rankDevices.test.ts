import { expect, it } from "vitest";
import type { Device } from "./diagnostics";
import { worstDeviceFirst } from "./rankDevices";

const device = (id: string, changes: Partial<Device> = {}): Device => ({
  id,
  station: "S1",
  protocol: "modbus",
  profile: "p",
  url: "modbus://a",
  state: "connected",
  detail: "",
  since: 0,
  quality: "good",
  reason: null,
  points: 10,
  good: 10,
  stale: 0,
  frozen: 0,
  bad: 0,
  data_time: 0,
  reconnects: 0,
  errors: 0,
  missed_cycles: 0,
  dropped: 0,
  gaps: 0,
  repeats: 0,
  clock_skew_s: null,
  round_trip_p50_ms: 3,
  round_trip_p95_ms: 5,
  ...changes,
});

it("puts the worst device first", () => {
  const devices = [
    device("calm"),
    device("slow", { round_trip_p95_ms: 900 }),
    device("flaky", { errors: 12 }),
    device("stale", { quality: "uncertain", stale: 3 }),
    device("coming", { state: "connecting", quality: "bad" }),
    device("away", { state: "no_communication", quality: "bad" }),
    device("also calm"),
  ];
  expect(devices.sort(worstDeviceFirst).map(({ id }) => id)).toEqual([
    "away",
    "coming",
    "stale",
    "flaky",
    "slow",
    "also calm",
    "calm",
  ]);
});
