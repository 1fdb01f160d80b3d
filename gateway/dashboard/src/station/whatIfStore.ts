import { create } from "zustand";
import type { Forecast, Horizon } from "../state/types";
import { NO_CHANGE, type Change } from "./change";
import type { Futures } from "./fanData";

type Ensemble = Pick<Forecast, "replicas" | "stockout_probability" | "lost_swaps" | "time_to_stockout_s" | "ready">;

/** A mean difference and its 95 % confidence interval. */
export interface Interval {
  mean: number;
  low: number;
  high: number;
}

/** The gateway's answer to a what-if question: the same futures as they are, and changed. */
export interface Answer {
  generated_at: number;
  replicas: number;
  base: Ensemble;
  changed: Ensemble;
  difference: Record<keyof Pick<Ensemble, "stockout_probability" | "lost_swaps">, Record<Horizon, Interval>>;
  changes: readonly { what: string; before: number; after: number; slots: readonly number[] }[];
}

/** Why there is no answer: the gateway's code and words, or that it could not be reached. */
export interface Refusal {
  code: string;
  message: string;
  remedy: string;
}

interface WhatIf {
  change: Change;
  /** The latest answer, and the change that it belongs to. */
  answer: (Answer & { of: Change }) | null;
  /** The changed futures of `answer`, as the chart takes them. */
  other: Futures | undefined;
  refusal: Refusal | null;
  set(change: Change): void;
  take(change: Change, answer: Answer): void;
  refuse(refusal: Refusal): void;
  clear(): void;
}

/** The question of the station page that is open, and its answer. */
export const useWhatIf = create<WhatIf>((setState) => ({
  change: NO_CHANGE,
  answer: null,
  other: undefined,
  refusal: null,
  set: (change) => setState({ change }),
  take: (of, answer) =>
    setState({
      answer: { ...answer, of },
      other: { ...answer.changed, generated_at: answer.generated_at },
      refusal: null,
    }),
  refuse: (refusal) => setState({ refusal, answer: null, other: undefined }),
  clear: () => setState({ answer: null, other: undefined, refusal: null }),
}));

