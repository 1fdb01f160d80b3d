import type { Quality, Reason } from "./types";

/** A device and its link, as the topic `devices` tells it. */
export interface Device {
  id: string;
  station: string;
  protocol: string;
  profile: string;
  url: string;
  state: "connecting" | "connected" | "no_communication";
  detail: string;
  since: number | null;
  quality: Quality;
  reason: Reason | null;
  points: number;
  good: number;
  stale: number;
  frozen: number;
  bad: number;
  data_time: number | null;
  reconnects: number;
  errors: number;
  missed_cycles: number;
  dropped: number;
  gaps: number;
  repeats: number;
  clock_skew_s: number | null;
  round_trip_p50_ms: number | null;
  round_trip_p95_ms: number | null;
}

/** One point of a device: what stands in the device, and what the gateway takes it for. */
export interface PointReading {
  path: string;
  signal: string;
  slot: number | null;
  address: string | number;
  raw: unknown;
  value: number | string | boolean | null;
  unit: string;
  quality: Quality;
  reason: Reason | null;
  source_time: number | null;
  age_s: number | null;
}

export interface Diagnostics {
  id: string;
  protocol: string;
  url: string;
  profile: string;
  state: Device["state"];
  detail: string;
  since: number | null;
  last_good: number | null;
  reconnects: number;
  errors: number;
  errors_by_class: Readonly<Record<string, number>>;
  missed_cycles: number;
  dropped: number;
  gaps: number;
  repeats: number;
  clock_skew_s: number | null;
  round_trip_s: { p50: number | null; p95: number | null; max: number | null };
  poll_plan: readonly (string | Readonly<Record<string, unknown>>)[];
  points: readonly PointReading[];
}
