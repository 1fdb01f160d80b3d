import { useMemo } from "react";
import { useLive } from "./live";
import { useAnswer, type Answer } from "./useAnswer";

/** The time that a pack spent in one slot; `to` is null while it is there. */
export interface Stay {
  from: number;
  to: number | null;
  station: string;
  slot: number;
  soc_first: number | null;
  soc_last: number | null;
  temperature_max_c: number | null;
}

const EVERY_MS = 60_000;
const DAYS = 30;

/** Where a pack has been in the last days, newest first. */
export function usePackStays(pack: string): Answer<readonly Stay[]> {
  const begun = useLive((live) => live.now !== null);
  const from = useMemo(() => Math.floor((useLive.getState().now ?? 0) - DAYS * 86_400), [begun, pack]);
  return useAnswer(
    begun ? `/api/v1/packs/${encodeURIComponent(pack)}/history?from=${Math.max(0, from)}` : null,
    EVERY_MS,
  );
}
