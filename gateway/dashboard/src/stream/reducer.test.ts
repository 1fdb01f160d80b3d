import { describe, expect, it } from "vitest";
import type { Snap } from "./protocol";
import { EMPTY, reduce, resumePoint } from "./reducer";

const snap: Snap = {
  t: "snap",
  sid: 1,
  epoch: "e1",
  seq: 10,
  ts: 0,
  data: { S001: { ready: 7, power_w: 900 }, S002: { ready: 3, power_w: null } },
};
const whole = reduce(EMPTY, snap).state;

describe("a topic", () => {
  it("is what the snapshot says, whatever was known before", () => {
    const other = reduce(whole, { ...snap, epoch: "e2", seq: 1, data: { S009: { ready: 0 } } }).state;
    expect(other).toEqual({ epoch: "e2", seq: 1, data: { S009: { ready: 0 } } });
  });

  it("takes a delta that joins: changed fields only, and keys that went", () => {
    const { state, resubscribe } = reduce(whole, {
      t: "delta", sid: 1, prev: 10, seq: 14, ts: 0, set: { S001: { ready: 6 }, S003: { ready: 1 } }, del: ["S002"],
    });
    expect(resubscribe).toBe(false);
    expect(state.seq).toBe(14);
    expect(state.data).toEqual({ S001: { ready: 6, power_w: 900 }, S003: { ready: 1 } });
  });

  it("replaces a field as a whole, and null means unknown", () => {
    const first = reduce(EMPTY, { ...snap, data: { "slot/01": { not_good: { soc: "bad" }, soc: 0.4 } } }).state;
    const { state } = reduce(first, {
      t: "delta", sid: 1, prev: 10, seq: 11, ts: 0, set: { "slot/01": { not_good: {}, soc: null } },
    });
    expect(state.data["slot/01"]).toEqual({ not_good: {}, soc: null });
  });

  it("keeps the identity of what did not change, so that only changed rows draw again", () => {
    const { state } = reduce(whole, { t: "delta", sid: 1, prev: 10, seq: 11, ts: 0, set: { S001: { ready: 6 } } });
    expect(state.data["S002"]).toBe(whole.data["S002"]);
    expect(state.data["S001"]).not.toBe(whole.data["S001"]);
    expect(whole.data["S001"]).toEqual({ ready: 7, power_w: 900 });
  });

  it("asks for a new snapshot when a delta does not join, and takes nothing from it", () => {
    const { state, resubscribe } = reduce(whole, {
      t: "delta", sid: 1, prev: 12, seq: 13, ts: 0, set: { S001: { ready: 0 } },
    });
    expect(resubscribe).toBe(true);
    expect(state.seq).toBeNull();
    expect(state.data).toBe(whole.data);
  });

  it("takes no delta while it awaits a snapshot", () => {
    const waiting = reduce(whole, { t: "reset", sid: 1, reason: "overflow" });
    expect(waiting.resubscribe).toBe(true);
    const step = reduce(waiting.state, { t: "delta", sid: 1, prev: 10, seq: 11, ts: 0, set: { S001: { ready: 0 } } });
    expect(step).toEqual({ state: waiting.state, resubscribe: false });
    expect(reduce(step.state, { ...snap, seq: 20 }).state.seq).toBe(20);
  });

  it("is resumed only when it is whole and the server is the same", () => {
    expect(resumePoint(whole, "e1")).toEqual({ epoch: "e1", seq: 10 });
    expect(resumePoint(whole, "e2")).toBeUndefined();
    expect(resumePoint(EMPTY, "e1")).toBeUndefined();
    expect(resumePoint(reduce(whole, { t: "reset", sid: 1, reason: "epoch" }).state, "e1")).toBeUndefined();
  });
});
