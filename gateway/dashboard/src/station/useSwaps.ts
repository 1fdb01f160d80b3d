import { useEffect, useMemo, useState } from "react";
import { useLive } from "../state/live";
import { getJson } from "../state/rest";
import { useTopics } from "../state/useTopics";

/** Something that happened to a pack: a swap, or a rider who left without one. What is not known is null. */
export interface Swap {
  /** The gateway's running number. */
  number: number;
  time: number;
  station: string;
  kind: string;
  slot: number | null;
  pack_out: string | null;
  pack_in: string | null;
  soc_out: number | null;
  soc_in: number | null;
}

const MOST = 100;

/** The station's latest swaps, newest first: from the store after every (re)connection, then as they come. */
export function useSwaps(station: string): readonly Swap[] | undefined {
  const [stored, setStored] = useState<readonly Swap[]>();
  const connections = useLive((live) => live.connections);
  const [topic] = useTopics("swaps");
  useEffect(() => {
    if (connections === 0) return;
    const abort = new AbortController();
    getJson<readonly Swap[]>(`/api/v1/stations/${encodeURIComponent(station)}/swaps?limit=${MOST}`, abort.signal).then(
      setStored,
      (error: unknown) => {
        if (!abort.signal.aborted) console.warn("the swaps of the past are not known:", error);
      },
    );
    return () => abort.abort();
  }, [station, connections]);
  return useMemo(() => {
    if (stored === undefined && topic === undefined) return undefined;
    const live = Object.entries(topic ?? {}).map(([number, swap]) => ({ ...swap, number: Number(number) }) as Swap);
    return joined(stored ?? [], live.filter((swap) => swap.station === station));
  }, [stored, topic, station]);
}

/** Both, newest first; of one that is in both, what came live, since more may have become known of it. */
export function joined(stored: readonly Swap[], live: readonly Swap[]): Swap[] {
  const found = new Map([...stored, ...live].map((swap) => [swap.number, swap]));
  return [...found.values()].sort((a, b) => b.number - a.number).slice(0, MOST);
}
