import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Delta, Keyed, Reset, Snap } from "./protocol";
import { EMPTY, reduce } from "./reducer";

interface Step {
  frame: Snap | Delta | Reset;
  seq: number | null;
  resubscribe: boolean;
  data: Keyed;
}
interface Recorded {
  cases: { name: string; steps: Step[] }[];
}

const file = new URL("../../../../tests/fixtures/swap-v1-frames.json", import.meta.url);
const { cases } = JSON.parse(readFileSync(file, "utf8")) as Recorded;

/** The same frames are replayed by the terminal view's tests: both clients make the same of them. */
describe("recorded frames", () => {
  it.each(cases)("$name", ({ steps }) => {
    let state = EMPTY;
    for (const { frame, seq, resubscribe, data } of steps) {
      const step = reduce(state, frame);
      state = step.state;
      expect({ seq: state.seq, resubscribe: step.resubscribe, data: state.data }).toEqual({ seq, resubscribe, data });
    }
  });
});
