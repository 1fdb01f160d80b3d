import { useEffect, useState } from "react";
import { useLive } from "./live";
import { getJson } from "./rest";
import type { Skill } from "./types";

/** Forecasts mature slowly; their score is asked for after every (re)connection and then this often. */
const EVERY_MS = 300_000;

/** How well the station's forecasts have done; undefined while that is not known. */
export function useSkill(station: string): Skill | undefined {
  const [skill, setSkill] = useState<Skill>();
  const connections = useLive((live) => live.connections);
  useEffect(() => {
    const abort = new AbortController();
    const ask = () =>
      getJson<Skill>(`/api/v1/stations/${encodeURIComponent(station)}/skill`, abort.signal).then(
        setSkill,
        (error: unknown) => {
          if (!abort.signal.aborted) console.warn("how well forecasts did is not known:", error);
        },
      );
    void ask();
    const timer = setInterval(() => void ask(), EVERY_MS);
    return () => {
      abort.abort();
      clearInterval(timer);
    };
  }, [station, connections]);
  return skill;
}
