import { useEffect, useRef, useState } from "react";
import { isStepped, numberOf, OF_THE_PACK, type SlotSignal } from "../ui/signals";
import { markOf } from "../ui/slot";
import { useLive } from "./live";
import { getJson } from "./rest";
import { extended, NOTHING, stored, whilePresent, type Series } from "./series";
import type { History, Slot } from "./types";

/** Points of a chart. */
const POINTS = 600;
/** Signals that the gateway answers for in one request. */
const AT_ONCE = 12;
/** What the model believes of a slot; its series are called `twin_` and the signal's name. */
export const BELIEVED = ["soc", "temperature_c"] as const;

export interface Trends {
  series: ReadonlyMap<string, Series>;
  /** The stored past could not be read. */
  failed: boolean;
}

/** The past of a slot's signals, as far as the gateway has stored it, going on with what comes. */
export function useTrends(
  station: string,
  slot: Slot | undefined,
  number: number,
  seconds: number,
  signals: readonly SlotSignal[],
): Trends {
  const [series, setSeries] = useState<ReadonlyMap<string, Series>>(new Map());
  const [failed, setFailed] = useState(false);
  const connections = useLive((live) => live.connections);
  const known = useLive((live) => live.now !== null);
  const names = signals.join(",");
  const wanted = useRef(signals);
  wanted.current = signals;

  useEffect(() => {
    if (!known || names === "") return;
    const abort = new AbortController();
    setSeries(new Map());
    past(station, number, seconds, wanted.current, abort.signal).then(
      (found) => {
        setSeries(found);
        setFailed(false);
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        setFailed(true);
        console.warn("the past of the slot's signals is not known:", error);
      },
    );
    return () => abort.abort();
  }, [station, number, seconds, names, connections, known]);

  const now = useLive((live) => (live.link.phase === "live" && live.now !== null ? Math.floor(live.now) : null));
  useEffect(() => {
    if (now === null || slot === undefined) return;
    setSeries((before) => withNow(before, slot, now, seconds, wanted.current));
  }, [now, slot, seconds, names]);
  return { series, failed };
}

interface Histories {
  t: readonly number[];
  series: Readonly<Record<string, Omit<History, "t">>>;
}

async function past(
  station: string,
  slot: number,
  seconds: number,
  signals: readonly SlotSignal[],
  abort: AbortSignal,
): Promise<ReadonlyMap<string, Series>> {
  const to = useLive.getState().now ?? 0;
  const names: string[] = [...signals, ...BELIEVED.map((signal) => `twin_${signal}`)];
  const stepped = new Set<string>(signals.filter(isStepped));
  const parts = Array.from({ length: Math.ceil(names.length / AT_ONCE) }, (_, i) =>
    names.slice(i * AT_ONCE, (i + 1) * AT_ONCE),
  );
  const answers = await Promise.all(
    parts.map((part) => {
      const query = new URLSearchParams({
        signals: part.join(","),
        slot: String(slot),
        from: String(to - seconds),
        to: String(to),
        buckets: String(POINTS / 2),
      });
      return getJson<Histories>(`/api/v1/stations/${encodeURIComponent(station)}/history?${query}`, abort);
    }),
  );
  return new Map(
    answers.flatMap(({ t, series }) =>
      Object.entries(series).map(([name, one]) => [name, stored({ t, ...one }, stepped.has(name))]),
    ),
  );
}

function withNow(
  before: ReadonlyMap<string, Series>,
  slot: Slot,
  now: number,
  seconds: number,
  signals: readonly SlotSignal[],
): ReadonlyMap<string, Series> {
  const after = new Map(before);
  const add = (name: string, value: number | null, quality: Series["q"][number]) =>
    after.set(name, extended(before.get(name) ?? NOTHING, { time: now, value, quality }, seconds / POINTS, now - seconds));
  for (const signal of signals) {
    const value = numberOf(slot, signal);
    const { quality } = markOf(slot, signal);
    add(signal, value, value === null && quality === "good" ? null : quality);
  }
  for (const signal of BELIEVED) {
    const value = slot.twin?.[signal] ?? null;
    add(`twin_${signal}`, value, value === null ? null : "good");
  }
  return [...after].some(([name, series]) => series !== before.get(name)) ? after : before;
}

/** The series of the signals, those of the pack without the time in which the slot was empty. */
export function seen(series: ReadonlyMap<string, Series>, signals: readonly SlotSignal[]): Map<SlotSignal, Series> {
  const occupied = series.get("occupied");
  return new Map(
    signals.map((signal) => {
      const found = series.get(signal) ?? NOTHING;
      return [signal, occupied !== undefined && OF_THE_PACK.has(signal) ? whilePresent(found, occupied) : found];
    }),
  );
}
