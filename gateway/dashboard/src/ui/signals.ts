import type { TFunction } from "i18next";
import { decimal, UNKNOWN } from "../i18n/format";
import type { ChargerState, Slot } from "../state/types";
import type english from "../i18n/en/slot.json";

export type SlotSignal = keyof (typeof english)["signal"];
type Toggle = keyof (typeof english)["state"];

/** In the order of `twin.signals.ChargerState`, whose numbers the history keeps. */
export const CHARGER_STATES: readonly ChargerState[] = ["idle", "charging", "full", "cooling", "fault", "disabled"];

export const GROUPS: readonly { name: "pack" | "charger" | "slot"; signals: readonly SlotSignal[] }[] = [
  {
    name: "pack",
    signals: [
      "soc",
      "temperature_c",
      "soh",
      "capacity_wh",
      "cycle_count",
      "cell_voltage_max_v",
      "cell_voltage_min_v",
      "pack_fault_bits",
    ],
  },
  {
    name: "charger",
    signals: [
      "charger_state",
      "power_w",
      "voltage_v",
      "current_a",
      "current_limit_a",
      "power_limit_w",
      "energy_wh",
      "fault_bits",
    ],
  },
  { name: "slot", signals: ["occupied", "door_open", "locked", "enabled"] },
];
export const ALL_SIGNALS: readonly SlotSignal[] = GROUPS.flatMap((group) => group.signals);

/** An empty slot has none of them. */
export const OF_THE_PACK: ReadonlySet<SlotSignal> = new Set(GROUPS[0]?.signals);

const TOGGLES: ReadonlySet<SlotSignal> = new Set<Toggle>(["occupied", "enabled", "door_open", "locked"]);

/** How a signal is written; what is missing is a plain whole number. */
const WRITTEN: Partial<Record<SlotSignal, { unit: string; digits: number; factor?: number }>> = {
  soc: { unit: "%", digits: 0, factor: 100 },
  soh: { unit: "%", digits: 0, factor: 100 },
  temperature_c: { unit: "°C", digits: 1 },
  power_w: { unit: "W", digits: 0 },
  power_limit_w: { unit: "W", digits: 0 },
  voltage_v: { unit: "V", digits: 1 },
  cell_voltage_max_v: { unit: "V", digits: 3 },
  cell_voltage_min_v: { unit: "V", digits: 3 },
  current_a: { unit: "A", digits: 1 },
  current_limit_a: { unit: "A", digits: 1 },
  capacity_wh: { unit: "Wh", digits: 0 },
  energy_wh: { unit: "Wh", digits: 0 },
};

export function isToggle(signal: SlotSignal): signal is Toggle {
  return TOGGLES.has(signal);
}

/** Whether a signal has states and nothing between two of them. */
export function isStepped(signal: SlotSignal): boolean {
  return isToggle(signal) || signal === "charger_state" || signal.endsWith("fault_bits");
}

/** A slot's signal as the number that its history keeps. */
export function numberOf(slot: Slot, signal: SlotSignal): number | null {
  const value = (slot as unknown as Readonly<Record<string, unknown>>)[signal];
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "number") return value;
  const state = CHARGER_STATES.indexOf(value as ChargerState);
  return state < 0 ? null : state;
}

/** A number of a signal's history in words. `digits`: another precision, for an axis. */
export function textOf(signal: SlotSignal, value: number | null, t: TFunction<"slot">, digits?: number): string {
  if (value === null) return UNKNOWN;
  if (isToggle(signal)) return t(value >= 0.5 ? `state.${signal}.on` : `state.${signal}.off`);
  if (signal === "charger_state") {
    const state = CHARGER_STATES[Math.round(value)];
    return state === undefined ? UNKNOWN : t(`charger.${state}`);
  }
  const written = WRITTEN[signal];
  if (written === undefined) return decimal(value, digits ?? 0);
  return `${decimal(value * (written.factor ?? 1), digits ?? written.digits)} ${written.unit}`;
}

/** Whether a signal has whole numbers only. */
export function isWhole(signal: SlotSignal): boolean {
  return signal === "cycle_count" || signal.endsWith("fault_bits");
}

/** The axis of a signal that has always the same. */
export function fixedRange(signal: SlotSignal): [number, number] | null {
  if (signal === "soc") return [0, 1];
  if (isToggle(signal)) return [-0.15, 1.15];
  return signal === "charger_state" ? [-0.4, 5.4] : null;
}

const OFF_AND_ON = [0, 1];
const EVERY_STATE = CHARGER_STATES.map((_, number) => number);

/** Where the axis of a signal with states has its marks. */
export function states(signal: SlotSignal): readonly number[] | null {
  if (isToggle(signal)) return OFF_AND_ON;
  return signal === "charger_state" ? EVERY_STATE : null;
}
