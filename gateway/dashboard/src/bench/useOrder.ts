import { useState } from "react";
import { order, RefusedError } from "../state/order";

export interface Said {
  message: string;
  remedy: string;
}

/** Gives orders to the emulators, one at a time, and keeps what was said about the last that was refused. */
export function useOrder(): {
  sending: boolean;
  refusal: Said | null;
  give<T>(method: "POST" | "DELETE", path: string, body?: object): Promise<T | undefined>;
} {
  const [sending, setSending] = useState(false);
  const [refusal, setRefusal] = useState<Said | null>(null);
  async function give<T>(method: "POST" | "DELETE", path: string, body?: object): Promise<T | undefined> {
    setSending(true);
    setRefusal(null);
    try {
      return await order<T>(method, path, body);
    } catch (error) {
      setRefusal({
        message: (error as Error).message,
        remedy: error instanceof RefusedError ? error.remedy : "",
      });
      return undefined;
    } finally {
      setSending(false);
    }
  }
  return { sending, refusal, give };
}
