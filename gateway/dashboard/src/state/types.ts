/** The objects of the stream and of REST. Times are UTC epoch seconds; null is unknown. */

import type { Layout } from "../station/front";

export type Quality = "good" | "uncertain" | "bad";
export type Reason =
  | "stale"
  | "no_communication"
  | "out_of_range"
  | "sensor_failure"
  | "substituted"
  | "not_configured";
export type ChargerState = "idle" | "charging" | "full" | "cooling" | "fault" | "disabled";

export const HORIZONS = ["900", "1800", "3600", "7200"] as const;
export type Horizon = (typeof HORIZONS)[number];
export type ByHorizon = Readonly<Record<Horizon, number | null>>;

export interface Station {
  id: string;
  name: string;
  latitude: number;
  longitude: number;
  quality: Quality;
  reason: Reason | null;
  data_time: number | null;
  slots: number;
  bays: number;
  occupied: number | null;
  ready: number | null;
  ready_quality: Quality;
  ready_reason: Reason | null;
  charging: number | null;
  faulted: number | null;
  power_w: number | null;
  power_quality?: Quality;
  grid_limit_w: number | null;
  /** The most that each charger gives. */
  charger_power_w?: number;
  layout?: Layout;
  /** Since midnight of the site; not known by a gateway that has just begun. Lost swaps are an estimate. */
  swaps_today?: number | null;
  lost_today?: number | null;
  stockout_probability: ByHorizon | null;
  forecast_time: number | null;
  protocols: readonly string[];
  drifts: readonly (Drift & { slot: number | null })[];
}

/** What telemetry keeps saying against the site file. `magnitude` is relative; of the SoC sensor, SoC per hour. */
export interface Drift {
  kind: "degraded charger" | "soc sensor drift" | "station power mismatch";
  since: number;
  magnitude: number;
}

export interface Slot {
  slot: number;
  quality: Quality;
  reason: Reason | null;
  source_time: number | null;
  /** The oldest of the values that the slot's quality hangs on. */
  data_time: number | null;
  occupied: boolean | null;
  enabled: boolean | null;
  door_open: boolean | null;
  locked: boolean | null;
  pack_id: string | null;
  soc: number | null;
  soh: number | null;
  temperature_c: number | null;
  cycle_count: number | null;
  capacity_wh: number | null;
  charger_state: ChargerState | null;
  power_w: number | null;
  voltage_v: number | null;
  current_a: number | null;
  ready: boolean | null;
  not_good: Readonly<Record<string, string>>;
  twin: {
    soc: number | null;
    temperature_c: number | null;
    quality: Quality;
    reason: Reason | null;
    drift: readonly Drift[];
  } | null;
}

export interface Forecast {
  station: string;
  generated_at: number;
  valid_until: number;
  model: string;
  replicas: number;
  quality: Quality;
  reason: Reason | null;
  /** Age of the data when the forecast was made. */
  data_age_s: number | null;
  stockout_probability: ByHorizon;
  lost_swaps: ByHorizon;
  time_to_stockout_s: { p10: number | null; p50: number | null; p90: number | null };
  ready: Record<"t" | "p05" | "p25" | "p50" | "p75" | "p95", readonly number[]>;
  eta: readonly Eta[];
  drivers: Drivers | null;
  advice: Advice | null;
}

/** Seconds from `generated_at`; null is never, as power is shared now. */
export interface Eta {
  slot: number;
  ready_s: number | null;
  full_s: number | null;
}

/** By how much the probability of a stockout within 60 min would fall without each cause. */
export interface Drivers {
  demand: number;
  charging: number;
  faults: number;
}

export interface Advice {
  target: number;
  probability: number;
  text: string;
  options: readonly Option[];
}

export interface Option {
  action: "packs_added" | "slots_repaired" | "grid_limit_w" | "demand_reduced";
  amount: number;
  slots: readonly number[];
  probability: number;
}

/** How good forecasts were whose time has passed; a horizon that nothing is scored of is not there. */
export interface Skill {
  scores: Readonly<Partial<Record<Horizon, Score>>>;
}

/** `brier_skill`: 1 is perfect, 0 no better than the station's own past at that half hour. `ece`: mean gap of told and happened. */
export interface Score {
  forecasts: number;
  brier_skill: number | null;
  ece?: number;
  base_rate?: number;
}

export interface Health {
  version: string;
  site: string;
  name: string;
  timezone: string;
  speed: number;
  emulated: boolean;
}

export interface History {
  t: readonly number[];
  mean: readonly (number | null)[];
  last: readonly (number | null)[];
  quality: readonly (Quality | null)[];
}
