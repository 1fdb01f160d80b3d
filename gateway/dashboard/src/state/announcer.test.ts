import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Announcer, PAUSE_MS } from "./announcer";

let said: string[] = [];
let announcer: Announcer;

beforeEach(() => {
  vi.useFakeTimers();
  said = [];
  announcer = new Announcer(
    (count, worst) => said.push(`${count} ${worst.text}`),
    () => performance.now(),
  );
});
afterEach(() => {
  vi.useRealTimers();
});

it("says a single alarm soon", () => {
  announcer.raised({ priority: 2, text: "door" });
  vi.advanceTimersByTime(500);
  expect(said).toEqual(["1 door"]);
});

it("says a flood as one number with the most urgent, and then keeps silent for a while", () => {
  for (let i = 0; i < 300; i++) announcer.raised({ priority: i === 70 ? 1 : 3, text: `alarm ${i}` });
  vi.advanceTimersByTime(500);
  expect(said).toEqual(["300 alarm 70"]);
  announcer.raised({ priority: 3, text: "late" });
  announcer.raised({ priority: 3, text: "later" });
  vi.advanceTimersByTime(PAUSE_MS - 1);
  expect(said.length).toBe(1);
  vi.advanceTimersByTime(1);
  expect(said).toEqual(["300 alarm 70", "2 late"]);
});

it("says nothing of what was waiting when it was stopped", () => {
  announcer.raised({ priority: 1, text: "door" });
  announcer.stop();
  vi.advanceTimersByTime(60_000);
  expect(said).toEqual([]);
});
