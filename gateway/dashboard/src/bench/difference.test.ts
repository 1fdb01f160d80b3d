import { expect, it } from "vitest";
import type { Slot } from "../state/types";
import { compared } from "./difference";

const slot = (number: number, occupied: boolean | null, soc: number | null) =>
  ({ slot: number, occupied, soc }) as unknown as Slot;

it("tells per slot how far what is shown is from what is", () => {
  const truth = {
    time: 0,
    ready: 2,
    occupied: [true, true, false, true, true],
    soc: [0.5, 0.9, null, 0.4, 0.3],
    queue: 0,
    swaps: 0,
    lost: 0,
  };
  const shown = [slot(1, true, 0.51), slot(2, true, 0.6), slot(3, true, 0.8), slot(4, true, null)];
  const rows = compared(truth, shown);
  expect(rows.map((row) => row.differs)).toEqual([false, true, true, false, false]);
  expect(rows[1]!.difference).toBeCloseTo(-0.3);
  expect(rows[3]!.difference).toBeNull();
  expect(rows[4]!.shown).toBeUndefined();
});
