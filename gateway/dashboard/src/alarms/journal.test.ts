import { expect, it } from "vitest";
import { valuesOf } from "./journal";

it("finds slot and device in an alarm's id", () => {
  expect(valuesOf("S002.slot.03.charger_fault")).toEqual({ slot: 3 });
  expect(valuesOf("S002.cabinet.device_away")).toEqual({ device: "cabinet" });
  expect(valuesOf("S002.stockout_expected")).toEqual({});
});
