import { describe, expect, it } from "vitest";
import { entryOf, found, orderOf, type FaultKind } from "./fault";

const BIAS: FaultKind = {
  fault: "bias",
  summary: "A sensor is off by the same amount all the time.",
  layer: "value",
  instant: false,
  signals: ["soc"],
  effects: { modbus: "value + offset" },
  parameters: {
    offset: { type: "number", required: true },
    mode: { type: "string", enum: ["refuse", "reset"], default: "refuse", required: false },
    to: { anyOf: [{ type: "number" }, { type: "null" }], default: null, required: false },
    status_code: { type: "string", default: "Bad", required: false },
  },
};

describe("an order for a fault", () => {
  it("says what was filled in, in the units of the gateway, and nothing else", () => {
    const form = new Map([
      ["target", "S001/cabinet"],
      ["slots", " 1-4, 7 "],
      ["signals", "soc, cell_*"],
      ["duration_s", "60"],
      ["probability", "25"],
      ["parameter.offset", "-0.2"],
      ["parameter.to", ""],
      ["parameter.mode", "reset"],
    ]);
    expect(orderOf(BIAS, form)).toEqual({
      fault: "bias",
      target: "S001/cabinet",
      slots: "1-4, 7",
      signals: ["soc", "cell_*"],
      duration_s: 60,
      probability: 0.25,
      parameters: { offset: -0.2, mode: "reset" },
    });
    expect(orderOf(BIAS, new Map([["target", "*"]]))).toEqual({ fault: "bias", target: "*", parameters: {} });
  });

  it("gives no duration to what happens once", () => {
    const form = new Map([["target", "*"], ["duration_s", "60"]]);
    expect(orderOf({ ...BIAS, instant: true }, form)).not.toHaveProperty("duration_s");
  });
});

it("knows what entry each parameter wants", () => {
  expect(Object.values(BIAS.parameters).map(entryOf)).toEqual(["number", "choice", "number", "text"]);
});

it("finds faults by words of their name or description", () => {
  const names = (words: string) => found([BIAS], words, (kind) => kind.summary).map((kind) => kind.fault);
  expect(names("sensor off")).toEqual(["bias"]);
  expect(names("bias broker")).toEqual([]);
});
