import { create } from "zustand";
import { order, RefusedError } from "./order";

/** What an operator does about alarms. */
export type AlarmOrder =
  | { kind: "acknowledge"; ids: readonly string[] }
  | { kind: "shelve"; id: string; duration_s: number; reason: string }
  | { kind: "unshelve"; id: string }
  | { kind: "out_of_service"; id: string; reason: string }
  | { kind: "in_service"; id: string };

const KEPT = "swaptwin.operator";
const NAME_LENGTH = 60;

interface Orders {
  /** Who acts, as they said themselves: there is no sign-in that would prove it. */
  operator: string;
  /** An order that waits for a name. */
  nameless: AlarmOrder | null;
  sending: number;
  refusal: { message: string; remedy: string } | null;
}

/** Nothing here touches the alarms that are shown: those change when the stream says so. */
export const useOrders = create<Orders>(() => ({
  operator: kept(),
  nameless: null,
  sending: 0,
  refusal: null,
}));

const { setState, getState } = useOrders;

function kept(): string {
  try {
    return localStorage.getItem(KEPT) ?? "";
  } catch {
    return ""; // a browser that keeps nothing asks again on the next page
  }
}

export function setOperator(name: string): void {
  const operator = name.trim().slice(0, NAME_LENGTH);
  const { nameless } = getState();
  setState({ operator, nameless: null });
  try {
    localStorage.setItem(KEPT, operator);
  } catch (error) {
    console.warn("the name is not kept beyond this page:", error);
  }
  if (nameless !== null && operator !== "") give(nameless);
}

export function withdraw(): void {
  setState({ nameless: null });
}

/** Send an order in the operator's name, which is asked for first where it is not known. */
export function give(given: AlarmOrder): void {
  const { operator } = getState();
  if (operator === "") {
    setState({ nameless: given });
    return;
  }
  setState({ sending: getState().sending + 1, refusal: null });
  send(given, operator).then(
    () => setState({ sending: getState().sending - 1 }),
    (error: unknown) => {
      const remedy = error instanceof RefusedError ? error.remedy : "";
      setState({ sending: getState().sending - 1, refusal: { message: (error as Error).message, remedy } });
    },
  );
}

export function dismissRefusal(): void {
  setState({ refusal: null });
}

interface Acknowledged {
  refused: readonly { message: string; remedy: string }[];
}

/** As many alarms are acknowledged by one request. */
const AT_ONCE = 1000;

async function send(given: AlarmOrder, by: string): Promise<unknown> {
  if (given.kind === "acknowledge" && given.ids.length !== 1) {
    const path = "/api/v1/alarms/acknowledge";
    const { refused } = await order<Acknowledged>("POST", path, { ids: given.ids.slice(0, AT_ONCE), by });
    const first = refused[0];
    if (first !== undefined) throw new RefusedError(`${refused.length} × ${first.message}`, first.remedy);
    return;
  }
  const id = given.kind === "acknowledge" ? given.ids[0]! : given.id;
  const path = `/api/v1/alarms/${encodeURIComponent(id)}/${given.kind}`;
  switch (given.kind) {
    case "shelve":
      return order("POST", path, { by, duration_s: given.duration_s, reason: given.reason });
    case "out_of_service":
      return order("POST", path, { by, reason: given.reason });
    default:
      return order("POST", path, { by });
  }
}
