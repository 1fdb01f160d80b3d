import { describe, expect, it } from "vitest";
import { chosen, counts, mostUrgent, nextOrder, sorted, type Alarm } from "./alarms";

function alarm(id: string, changes: Partial<Alarm> = {}): Alarm {
  return {
    id,
    station: id.slice(0, 4),
    source: `${id.slice(0, 4)}/station`,
    condition: "mains_lost",
    state: "unacknowledged",
    active: true,
    priority: 2,
    title: "No mains",
    cause: "",
    consequence: "",
    action: "",
    respond_s: 600,
    group: null,
    since: 1000,
    returned_at: null,
    acked_at: null,
    acked_by: null,
    shelved_until: null,
    shelved_by: null,
    reason: null,
    value: null,
    limit: null,
    unit: null,
    text_key: "mains_lost",
    text_values: {},
    ...changes,
  };
}

const ALL = [
  alarm("S001.a", { priority: 3 }),
  alarm("S002.b", { priority: 1, state: "acknowledged" }),
  alarm("S010.c", { since: 2000, state: "returned", active: false }),
  alarm("S003.d", { since: 1500, title: "Door open" }),
  alarm("S002.e", { priority: 1, state: "shelved" }),
];
const ids = (alarms: readonly Alarm[]) => alarms.map((each) => each.id);
const title = (each: Alarm) => each.title;
const EVERYTHING = { priorities: [], state: "", station: "", words: "" } as const;

describe("a list of alarms", () => {
  it("counts what stands, and of that what waits for somebody", () => {
    expect(counts(ALL)).toEqual([
      { priority: 1, standing: 1, waiting: 0 },
      { priority: 2, standing: 2, waiting: 2 },
      { priority: 3, standing: 1, waiting: 1 },
      { priority: 4, standing: 0, waiting: 0 },
    ]);
  });

  it("names the most urgent: one that holds before one that is over, however new", () => {
    expect(mostUrgent(ALL)!.id).toBe("S003.d");
    expect(mostUrgent(ALL.filter((each) => each.state === "acknowledged"))).toBeUndefined();
  });

  it("stands urgent first, or by a column and then urgent first", () => {
    expect(ids(sorted(ALL, null, title))).toEqual(["S010.c", "S003.d", "S001.a", "S002.b", "S002.e"]);
    expect(ids(sorted(ALL, { column: "station", descending: true }, title))[0]).toBe("S010.c");
    expect(ids(sorted(ALL, { column: "text", descending: false }, title))[0]).toBe("S003.d");
    expect(ids(sorted(ALL, { column: "state", descending: false }, title)).slice(-1)).toEqual(["S002.e"]);
  });

  it("is filtered by everything at once", () => {
    expect(ids(chosen(ALL, { ...EVERYTHING, priorities: [1, 3] }, title))).toEqual(["S001.a", "S002.b", "S002.e"]);
    expect(ids(chosen(ALL, { ...EVERYTHING, station: "S002", state: "shelved" }, title))).toEqual(["S002.e"]);
    expect(ids(chosen(ALL, { ...EVERYTHING, words: "OPEN door" }, title))).toEqual(["S003.d"]);
  });

  it("turns a column up, down, and back to its own order", () => {
    const up = nextOrder(null, "since");
    expect(up).toEqual({ column: "since", descending: false });
    const down = nextOrder(up, "since");
    expect(down).toEqual({ column: "since", descending: true });
    expect(nextOrder(down, "since")).toBeNull();
    expect(nextOrder(down, "text")).toEqual({ column: "text", descending: false });
  });
});
