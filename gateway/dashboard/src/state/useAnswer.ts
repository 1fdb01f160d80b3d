import { useEffect, useState } from "react";
import { useLive } from "./live";
import { getJson } from "./rest";

export type Answer<T> = { state: "waiting" } | { state: "here"; value: T } | { state: "failed"; why: string };

const WAITING: { state: "waiting" } = { state: "waiting" };

/** What an address says: asked for at once, after every (re)connection, and every so many wall milliseconds. */
export function useAnswer<T>(address: string | null, everyMs: number | null): Answer<T> {
  const [answer, setAnswer] = useState<{ of: string | null; is: Answer<T> }>({ of: null, is: WAITING });
  const connections = useLive((live) => live.connections);
  useEffect(() => {
    if (address === null || connections === 0) return;
    const abort = new AbortController();
    let asking = false;
    const ask = () => {
      if (asking) return;
      asking = true;
      getJson<T>(address, abort.signal)
        .then(
          (value) => setAnswer({ of: address, is: { state: "here", value } }),
          (error: unknown) => {
            if (!abort.signal.aborted) setAnswer({ of: address, is: { state: "failed", why: words(error) } });
          },
        )
        .finally(() => {
          asking = false;
        });
    };
    ask();
    const again = () => {
      if (document.visibilityState === "visible") ask();
    };
    const timer = everyMs === null ? undefined : setInterval(again, everyMs);
    return () => {
      abort.abort();
      clearInterval(timer);
    };
  }, [address, everyMs, connections]);
  return answer.of === address ? answer.is : WAITING;
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
