import { useEffect, useState } from "react";
import { hears, useLive } from "../state/live";
import { getJson } from "../state/rest";

/** New events are waited for this long before what they change is asked for again. */
const CALM_MS = 2000;

export interface Answer<T> {
  value: T | undefined;
  failure: string | null;
}

/** What the gateway answers at an address made anew for each question; asked again whenever alarms change. */
export function useAsked<T>(address: (() => string) | null, key: string): Answer<T> {
  const [answer, setAnswer] = useState<Answer<T>>({ value: undefined, failure: null });
  const connections = useLive((live) => live.connections);
  useEffect(() => {
    if (address === null) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = () => {
      timer = undefined;
      getJson<T>(address(), abort.signal).then(
        (value) => setAnswer({ value, failure: null }),
        (error: unknown) => {
          if (!abort.signal.aborted) setAnswer((known) => ({ ...known, failure: (error as Error).message }));
        },
      );
    };
    const soon = () => {
      timer ??= setTimeout(ask, CALM_MS);
    };
    const leave = hears("alarms", { event: soon, missed: soon });
    ask();
    return () => {
      leave();
      clearTimeout(timer);
      abort.abort();
    };
  }, [key, connections]);
  return answer;
}
