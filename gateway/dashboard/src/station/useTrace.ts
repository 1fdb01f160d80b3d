import { useEffect, useRef, useState } from "react";
import { useLive } from "../state/live";
import { getJson } from "../state/rest";
import { fromHistory, Trace } from "../state/trace";
import type { History } from "../state/types";

/** Enough for the stored past and for what comes while the page is open. */
const POINTS = 4000;
const BUCKETS = 600;
/** Live points nearer to each other than this part of the span would not be told apart on a chart. */
const FINEST = 1 / 1200;

interface Wanted {
  station: string;
  /** `null`: nothing is wanted. */
  signal: string | null;
  slot?: number | undefined;
  spanS: number;
  /** Of a value that moves in steps every step is kept, and a bucket shows its last value instead of its mean. */
  steps?: boolean;
}

/** The latest value as it comes; `null` is a gap. */
interface Latest {
  time: number | null;
  value: number | null;
}

/** One signal's past: from the store after every (re)connection, then as it comes. `version` changes with it. */
export function useTrace(wanted: Wanted, latest: Latest): { trace: Trace; version: string } {
  const { station, signal, slot, spanS, steps = false } = wanted;
  const held = useRef({ of: "", trace: new Trace(POINTS) });
  const [loaded, setLoaded] = useState(0);
  const connections = useLive((live) => live.connections);
  const of = `${station} ${signal} ${slot} ${spanS}`;
  if (held.current.of !== of) held.current = { of, trace: new Trace(POINTS) };

  useEffect(() => {
    const to = useLive.getState().now;
    if (signal === null || to === null) return;
    const abort = new AbortController();
    const query = new URLSearchParams({ signal, from: String(to - spanS), to: String(to), buckets: String(BUCKETS) });
    if (slot !== undefined) query.set("slot", String(slot));
    getJson<History>(`/api/v1/stations/${encodeURIComponent(station)}/history?${query}`, abort.signal).then(
      (history) => {
        held.current = { of, trace: fromHistory(history, POINTS, steps ? "last" : "mean") };
        setLoaded((n) => n + 1);
      },
      (error: unknown) => {
        if (!abort.signal.aborted) console.warn(`the past of ${signal} is not known:`, error);
      },
    );
    return () => abort.abort();
  }, [station, signal, slot, spanS, steps, of, connections]);

  const { trace } = held.current;
  if (signal !== null && latest.time !== null) trace.add(latest.time, latest.value ?? NaN, spanS * FINEST, steps);
  return { trace, version: `${of} ${loaded} ${trace.newest}` };
}
