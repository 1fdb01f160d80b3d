import { useEffect, useState } from "react";
import { useLive } from "../state/live";
import { setParameters } from "../state/route";
import { changesNothing, linkOf, NO_CHANGE, question, readChange, type Change } from "./change";
import { useWhatIf, type Answer, type Refusal } from "./whatIfStore";

/** A slider that moves asks only once it has rested for this long. */
const REST_MS = 250;
/** The live state moves on: a question that stands is asked again this often. */
const AGAIN_MS = 15_000;
const BUSY_MS = 1000;

/** Keep the question in the page's address, and its answer up to date. Answers that come too late are dropped. */
export function useAsking(station: string): void {
  const { change, set, take, refuse, clear } = useWhatIf();
  const connections = useLive((live) => live.connections);
  const [round, setRound] = useState(0);

  useEffect(() => {
    const read = () => set(readChange(new URLSearchParams(location.search)));
    read();
    window.addEventListener("popstate", read);
    return () => {
      window.removeEventListener("popstate", read);
      set(NO_CHANGE);
      clear();
    };
  }, [station, set, clear]);

  useEffect(() => {
    const nothing = changesNothing(change);
    if (nothing) clear();
    const abort = new AbortController();
    let again: ReturnType<typeof setTimeout> | undefined;
    const nextRound = (ms: number) => {
      again = setTimeout(() => setRound((n) => n + 1), ms);
    };
    const rest = setTimeout(() => {
      setParameters(linkOf(change));
      if (nothing) return;
      if (document.hidden) return nextRound(AGAIN_MS);
      ask(station, change, abort.signal).then(
        (found) => {
          if (abort.signal.aborted) return;
          if ("code" in found) refuse(found);
          else take(change, found);
          nextRound("code" in found && found.code === "busy" ? BUSY_MS : AGAIN_MS);
        },
        (error: unknown) => {
          if (abort.signal.aborted) return;
          refuse({ code: "unreachable", message: String(error), remedy: "" });
          nextRound(AGAIN_MS);
        },
      );
    }, REST_MS);
    return () => {
      clearTimeout(rest);
      clearTimeout(again);
      abort.abort();
    };
  }, [station, change, round, connections, take, refuse, clear]);
}

async function ask(station: string, change: Change, signal: AbortSignal): Promise<Answer | Refusal> {
  const response = await fetch(`/api/v1/stations/${encodeURIComponent(station)}/whatif`, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(question(change)),
    signal,
  });
  const body = (await response.json()) as Answer | { error: Refusal };
  return "error" in body ? body.error : body;
}
