import { useEffect, useState } from "react";
import { useLive } from "./live";
import { extended, NOTHING, type Series } from "./series";
import { useAnswer } from "./useAnswer";

const EVERY_MS = 5000;
const KEPT = 600;

interface Truth {
  time: number;
  [signal: string]: unknown;
}

/** What an emulated slot truly is, by signal, from now on; nothing where the site is real. */
export function useTruth(station: string, slot: number, seconds: number): ReadonlyMap<string, Series> {
  const emulated = useLive((live) => live.health?.emulated ?? false);
  const address = emulated ? `/api/v1/emulator/truth/${encodeURIComponent(station)}` : null;
  const answer = useAnswer<Truth>(address, EVERY_MS);
  const truth = answer.state === "here" ? answer.value : null;
  const [lanes, setLanes] = useState<ReadonlyMap<string, Series>>(new Map());
  useEffect(() => setLanes(new Map()), [station, slot]);
  useEffect(() => {
    if (truth === null) return;
    setLanes((before) => {
      const after = new Map(before);
      for (const [signal, values] of Object.entries(truth)) {
        if (!Array.isArray(values)) continue;
        const value: unknown = values[slot - 1];
        const point = { time: truth.time, value: asNumber(value), quality: "good" } as const;
        after.set(signal, extended(before.get(signal) ?? NOTHING, point, seconds / KEPT, truth.time - seconds));
      }
      return after;
    });
  }, [truth, slot, seconds]);
  return lanes;
}

function asNumber(value: unknown): number | null {
  if (typeof value === "boolean") return value ? 1 : 0;
  return typeof value === "number" ? value : null;
}
