/** The frames of swap.v1 that this client reads and writes. Times are milliseconds of UTC. */

export type Fields = Readonly<Record<string, unknown>>;
export type Keyed = Readonly<Record<string, Fields>>;

export interface Hello {
  t: "hello";
  v: number;
  server: string;
  epoch: string;
  now: number;
  hb_s: number;
}
export interface SubOk {
  t: "sub_ok";
  id: number;
  sid: number;
  mode: "snapshot" | "resumed";
}
export interface Snap {
  t: "snap";
  sid: number;
  epoch: string;
  seq: number;
  ts: number;
  data: Keyed;
}
export interface Delta {
  t: "delta";
  sid: number;
  prev: number;
  seq: number;
  ts: number;
  set?: Keyed;
  del?: readonly string[];
}
/** One change that is told for itself. `seq` counts the topic's events without a hole, apart from its states. */
export interface EventFrame {
  t: "event";
  sid: number;
  seq: number;
  ev: Fields;
}
export interface Reset {
  t: "reset";
  sid: number;
  reason: string;
}
export interface Heartbeat {
  t: "hb";
  ts: number;
}
export interface Refusal {
  t: "err";
  id?: number;
  code: string;
  message: string;
}
export type Frame = Hello | SubOk | Snap | Delta | EventFrame | Reset | Heartbeat | Refusal;

export const SUBPROTOCOL = "swap.v1.json";
export const PATH = "/api/v1/stream";
