import { useMemo } from "react";
import { useAnswer } from "./useAnswer";

export interface SignalWord {
  entity: "slot" | "station";
  signal: string;
  unit: string;
  normal: readonly [number | null, number | null] | null;
  reported: boolean;
}

/** The signals of a slot by name, with the range that is normal at the station; nothing until that is known. */
export function useSlotWords(station: string): ReadonlyMap<string, SignalWord> | undefined {
  const answer = useAnswer<readonly SignalWord[]>(`/api/v1/stations/${encodeURIComponent(station)}/signals`, null);
  return useMemo(() => {
    if (answer.state === "waiting") return undefined;
    const words = answer.state === "here" ? answer.value : [];
    return new Map(words.filter((word) => word.entity === "slot").map((word) => [word.signal, word]));
  }, [answer]);
}
