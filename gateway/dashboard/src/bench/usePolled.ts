import { useCallback, useEffect, useState } from "react";
import { useLive } from "../state/live";
import { getJson } from "../state/rest";

export interface Polled<T> {
  value: T | undefined;
  failure: string | null;
  /** Ask now, for example after an order. */
  again(): void;
}

/** What an address answers, asked every so many milliseconds while the page can be seen. */
export function usePolled<T>(address: string | null, every_ms: number): Polled<T> {
  const [value, setValue] = useState<T>();
  const [failure, setFailure] = useState<string | null>(null);
  const [turn, setTurn] = useState(0);
  const connections = useLive((live) => live.connections);
  useEffect(() => setValue(undefined), [address]);
  useEffect(() => {
    if (address === null) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const ask = () => {
      const answered = document.hidden
        ? Promise.resolve()
        : getJson<T>(address, abort.signal).then(
            (found) => {
              setValue(found);
              setFailure(null);
            },
            (error: unknown) => {
              if (!abort.signal.aborted) setFailure((error as Error).message);
            },
          );
      void answered.then(() => {
        if (!abort.signal.aborted) timer = setTimeout(ask, every_ms);
      });
    };
    ask();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [address, every_ms, turn, connections]);
  const again = useCallback(() => setTurn((before) => before + 1), []);
  return { value, failure, again };
}
