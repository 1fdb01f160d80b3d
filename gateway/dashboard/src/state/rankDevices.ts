import type { Device } from "./diagnostics";

const STATE: Record<string, number> = { no_communication: 0, connecting: 1, connected: 2 };
const QUALITY: Record<string, number> = { bad: 0, uncertain: 1, good: 2 };

/** Devices that are away first, then those whose values are not good, then by how much went wrong. */
export function worstDeviceFirst(a: Device, b: Device): number {
  return (
    (STATE[a.state] ?? 0) - (STATE[b.state] ?? 0) ||
    (QUALITY[a.quality] ?? 0) - (QUALITY[b.quality] ?? 0) ||
    trouble(b) - trouble(a) ||
    (b.round_trip_p95_ms ?? 0) - (a.round_trip_p95_ms ?? 0) ||
    a.id.localeCompare(b.id)
  );
}

function trouble(device: Device): number {
  return device.stale + device.bad + device.errors + device.reconnects + device.missed_cycles + device.dropped;
}
