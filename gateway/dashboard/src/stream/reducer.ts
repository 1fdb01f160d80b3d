import type { Delta, Fields, Keyed, Reset, Snap } from "./protocol";

/** What is known of one topic. `seq` is null while a snapshot is awaited; `data` then is the last that was known. */
export interface TopicState {
  readonly epoch: string | null;
  readonly seq: number | null;
  readonly data: Keyed;
}

export interface Step {
  readonly state: TopicState;
  /** The chain is broken: subscribe again, without resuming. */
  readonly resubscribe: boolean;
}

export const EMPTY: TopicState = { epoch: null, seq: null, data: {} };

/** One frame applied to one topic. Keys that did not change keep their identity, so only changed rows draw again. */
export function reduce(state: TopicState, frame: Snap | Delta | Reset): Step {
  switch (frame.t) {
    case "snap":
      return { state: { epoch: frame.epoch, seq: frame.seq, data: frame.data }, resubscribe: false };
    case "reset":
      return { state: { ...state, seq: null }, resubscribe: true };
    case "delta":
      if (state.seq === null) return { state, resubscribe: false };
      if (frame.prev !== state.seq) return { state: { ...state, seq: null }, resubscribe: true };
      return { state: { ...state, seq: frame.seq, data: patch(state.data, frame) }, resubscribe: false };
  }
}

function patch(data: Keyed, delta: Delta): Keyed {
  const next: Record<string, Fields> = { ...data };
  for (const [key, changed] of Object.entries(delta.set ?? {})) next[key] = { ...next[key], ...changed };
  for (const key of delta.del ?? []) delete next[key];
  return next;
}

/** What to tell the server about a topic that is already known, or nothing when it was never whole. */
export function resumePoint(state: TopicState, epoch: string): { epoch: string; seq: number } | undefined {
  return state.seq !== null && state.epoch === epoch ? { epoch, seq: state.seq } : undefined;
}
