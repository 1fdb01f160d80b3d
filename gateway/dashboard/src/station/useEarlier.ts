import { useEffect, useState } from "react";
import { useLive } from "../state/live";
import { getJson } from "../state/rest";
import type { Columns } from "./table";

const AHEAD_S = 3600;
const BUCKETS = 300;
/** What was told an hour ahead reaches an hour beyond now: it need not be fetched often. */
const EVERY_MS = 1_200_000;
const NOTHING: Columns = [[], []];

interface Told {
  t: readonly number[];
  ready_p50: readonly (number | null)[];
}

/** The median of ready packs as it was forecast an hour before each time. */
export function useEarlier(station: string, spanS: number): Columns {
  const [earlier, setEarlier] = useState<Columns>(NOTHING);
  const connections = useLive((live) => live.connections);
  useEffect(() => {
    const abort = new AbortController();
    const ask = () => {
      const to = useLive.getState().now;
      if (to === null) return;
      const from = to - spanS - AHEAD_S;
      const query = new URLSearchParams({
        horizon: String(AHEAD_S),
        from: String(from),
        to: String(to),
        buckets: String(BUCKETS),
      });
      getJson<Told>(`/api/v1/stations/${encodeURIComponent(station)}/forecasts?${query}`, abort.signal).then(
        ({ t, ready_p50 }) => setEarlier([t.map((time) => time + AHEAD_S), ready_p50]),
        (error: unknown) => {
          if (!abort.signal.aborted) console.warn("what was forecast earlier is not known:", error);
        },
      );
    };
    ask();
    const timer = setInterval(ask, EVERY_MS);
    return () => {
      abort.abort();
      clearInterval(timer);
    };
  }, [station, spanS, connections]);
  return earlier;
}
