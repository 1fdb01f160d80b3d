import { useEffect, useState } from "react";
import type { Stay } from "./packStays";
import { getJson } from "./rest";
import { NOTHING, stored, type Series } from "./series";
import { useLive } from "./live";
import type { History } from "./types";

/** So many stays, the newest, are drawn. */
const MOST = 12;
const BUCKETS = 60;

/** The state of charge of a pack through its latest stays, from the history of the slots that it stood in. */
export function useStaysSoc(stays: readonly Stay[]): Series {
  const [series, setSeries] = useState<Series>(NOTHING);
  const drawn = stays.slice(0, MOST).toReversed();
  const key = drawn.map((stay) => `${stay.station} ${stay.slot} ${stay.from} ${stay.to}`).join();
  useEffect(() => {
    if (drawn.length === 0) return;
    const abort = new AbortController();
    Promise.all(drawn.map((stay) => socOf(stay, abort.signal))).then(
      (parts) => setSeries(inOrder(parts)),
      (error: unknown) => {
        if (!abort.signal.aborted) console.warn("the pack's past charge is not known:", error);
      },
    );
    return () => abort.abort();
  }, [key]);
  return series;
}

async function socOf(stay: Stay, abort: AbortSignal): Promise<Series> {
  const to = stay.to ?? useLive.getState().now ?? stay.from + 1;
  const query = new URLSearchParams({
    signal: "soc",
    slot: String(stay.slot),
    from: String(stay.from),
    to: String(Math.max(to, stay.from + 1)),
    buckets: String(BUCKETS),
  });
  const address = `/api/v1/stations/${encodeURIComponent(stay.station)}/history?${query}`;
  return stored(await getJson<History>(address, abort), false);
}

/** One after another, with a gap between two stays: what the pack did on the road nobody has measured. */
export function inOrder(parts: readonly Series[]): Series {
  const t: number[] = [];
  const v: (number | null)[] = [];
  const q: Series["q"][number][] = [];
  for (const part of parts) {
    const last = t.at(-1);
    if (last !== undefined) {
      t.push(last + 0.001);
      v.push(null);
      q.push(null);
    }
    part.t.forEach((time, i) => {
      if (time <= (t.at(-1) ?? -Infinity)) return;
      t.push(time);
      v.push(part.v[i] ?? null);
      q.push(part.q[i] ?? null);
    });
  }
  return { t, v, q };
}
