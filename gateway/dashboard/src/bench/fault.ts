/** The catalogue of faults as `GET /api/v1/faults` tells it, and orders made from what an engineer filled in. Pure. */

export interface Parameter {
  type?: "number" | "integer" | "string" | "boolean";
  anyOf?: readonly { type: string }[];
  default?: unknown;
  description?: string;
  enum?: readonly string[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  required: boolean;
}

export interface FaultKind {
  fault: string;
  summary: string;
  layer: "value" | "clock" | "map" | "wire" | "station";
  instant: boolean;
  /** What it strikes unless told; empty where it does not strike single signals. */
  signals: readonly string[];
  /** By protocol that can have it: what a client sees. */
  effects: Readonly<Record<string, string>>;
  parameters: Readonly<Record<string, Parameter>>;
}

export interface Acting {
  id: string;
  fault: string;
  target: string;
  slots: readonly number[];
  picked: Readonly<Record<string, readonly number[]>>;
  signals: readonly string[];
  start: number;
  end: number | null;
  active: boolean;
  probability: number;
  parameters: Readonly<Record<string, unknown>>;
}

export interface Faults {
  time: number;
  active: readonly Acting[];
  ended: readonly Acting[];
  catalogue: readonly FaultKind[];
}

export interface FaultOrder {
  fault: string;
  target: string;
  slots?: string;
  signals?: string[];
  start_s?: number;
  duration_s?: number;
  probability?: number;
  parameters: Record<string, string | number>;
}

export const LAYERS = ["wire", "value", "clock", "map", "station"] as const;

/** The kind of entry that a parameter wants. A nullable number (`anyOf`) may be left out, like any that is optional. */
export function entryOf(parameter: Parameter): "number" | "integer" | "choice" | "text" {
  if (parameter.enum !== undefined) return "choice";
  const type = parameter.type ?? parameter.anyOf?.find((each) => each.type !== "null")?.type;
  return type === "number" || type === "integer" ? type : "text";
}

/** The order that a filled form means. What is left empty is left to the fault. */
export function orderOf(kind: FaultKind, form: ReadonlyMap<string, string>): FaultOrder {
  const text = (name: string) => (form.get(name) ?? "").trim();
  const order: FaultOrder = { fault: kind.fault, target: text("target"), parameters: {} };
  if (text("slots") !== "") order.slots = text("slots");
  const signals = text("signals").split(/[\s,]+/).filter(Boolean);
  if (signals.length > 0) order.signals = signals;
  if (text("start_s") !== "") order.start_s = Number(text("start_s"));
  if (text("duration_s") !== "" && !kind.instant) order.duration_s = Number(text("duration_s"));
  if (text("probability") !== "") order.probability = Number(text("probability")) / 100;
  for (const [name, parameter] of Object.entries(kind.parameters)) {
    const given = text(`parameter.${name}`);
    if (given === "") continue;
    const entry = entryOf(parameter);
    order.parameters[name] = entry === "number" || entry === "integer" ? Number(given) : given;
  }
  return order;
}

/** The faults that all words are in, in name or description. */
export function found(catalogue: readonly FaultKind[], words: string, summaryOf: (kind: FaultKind) => string): FaultKind[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return catalogue.filter((kind) => {
    const text = `${kind.fault.replaceAll("_", " ")} ${kind.fault} ${summaryOf(kind)}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  });
}
