import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { StreamClient, type Link, type Listener } from "./client";
import type { TopicState } from "./reducer";

class Peer {
  sent: Record<string, unknown>[] = [];
  closed = false;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }
  close(): void {
    this.closed = true;
  }
  says(frame: object): void {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
  drops(code = 1006): void {
    this.onclose?.({ code });
  }
  hello(epoch = "e1"): void {
    this.says({ t: "hello", v: 1, server: "test", epoch, now: 1000, hb_s: 5 });
  }
}

let peers: Peer[] = [];
let links: Link[] = [];
let topics: Record<string, TopicState> = {};
let client: StreamClient;
const last = () => peers.at(-1)!;

beforeEach(() => {
  vi.useFakeTimers();
  peers = [];
  links = [];
  topics = {};
  const listener: Listener = {
    link: (link) => links.push(link),
    hello: () => undefined,
    time: () => undefined,
    topic: (topic, state) => (topics[topic] = state),
    refused: () => undefined,
  };
  client = new StreamClient(listener, {
    socket: () => {
      peers.push(new Peer());
      return last() as unknown as WebSocket;
    },
    now: () => performance.now(),
    random: () => 1,
  });
  client.subscribe("stations");
  client.start();
});

afterEach(() => {
  client.stop();
  vi.useRealTimers();
});

function snapshot(seq: number, sid = 1): void {
  last().says({ t: "sub_ok", id: last().sent.at(-1)!["id"], sid, mode: "snapshot" });
  last().says({ t: "snap", sid, epoch: "e1", seq, ts: 2000, data: { S001: { ready: 7 } } });
}

describe("the stream client", () => {
  it("subscribes after hello and hands on snapshot and deltas", () => {
    expect(last().sent).toEqual([]);
    last().hello();
    expect(last().sent).toEqual([{ t: "sub", id: 1, topic: "stations", max_hz: 2 }]);
    snapshot(4);
    last().says({ t: "delta", sid: 1, prev: 4, seq: 5, ts: 3000, set: { S001: { ready: 6 } } });
    expect(topics["stations"]).toEqual({ epoch: "e1", seq: 5, data: { S001: { ready: 6 } } });
  });

  it("leaves a broken chain and asks for a snapshot", () => {
    last().hello();
    snapshot(4);
    last().says({ t: "delta", sid: 1, prev: 9, seq: 10, ts: 3000, set: { S001: { ready: 0 } } });
    expect(last().sent.slice(1)).toEqual([
      { t: "unsub", id: 2, sid: 1 },
      { t: "sub", id: 3, topic: "stations", max_hz: 2 },
    ]);
    expect(topics["stations"]!.data).toEqual({ S001: { ready: 7 } });
    snapshot(12, 2);
    expect(topics["stations"]!.seq).toBe(12);
  });

  it("asks for a snapshot after a reset", () => {
    last().hello();
    snapshot(4);
    last().says({ t: "reset", sid: 1, reason: "overflow" });
    expect(last().sent.slice(1)).toEqual([{ t: "sub", id: 2, topic: "stations", max_hz: 2 }]);
  });

  it("resumes at the same server and starts afresh at another", () => {
    last().hello();
    snapshot(4);
    last().drops();
    vi.advanceTimersByTime(500);
    last().hello("e1");
    expect(last().sent[0]).toMatchObject({ resume: { epoch: "e1", seq: 4 } });
    last().drops();
    vi.advanceTimersByTime(2000);
    last().hello("e2");
    expect(last().sent[0]).not.toHaveProperty("resume");
  });

  it("comes back after 0.5, 1, 2 ... 30 s and at once when hurried", () => {
    const waits: number[] = [];
    for (let i = 0; i < 9; i++) {
      last().drops();
      const lost = links.at(-1)!;
      if (lost.phase !== "lost") throw new Error("not lost");
      waits.push(Math.round(lost.retryAt - performance.now()));
      vi.advanceTimersByTime(waits.at(-1)!);
    }
    expect(waits).toEqual([500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
    last().drops();
    const count = peers.length;
    client.hurry();
    expect(peers.length).toBe(count + 1);
  });

  it("takes 2.5 silent heartbeats for a dead connection", () => {
    const start = performance.now();
    last().hello();
    const dead = last();
    vi.advanceTimersByTime(12_000);
    expect(links.at(-1)).toEqual({ phase: "live" });
    dead.says({ t: "hb", ts: 9000 });
    vi.advanceTimersByTime(12_500);
    expect(links.at(-1)).toEqual({ phase: "live" });
    vi.advanceTimersByTime(1000);
    expect(dead.closed).toBe(true);
    expect(links.filter((link) => link.phase === "lost")).toMatchObject([{ why: "silent", heardAt: 12_000 + start }]);
  });

  it("asks with each heartbeat for a topic that the gateway does not know yet", () => {
    last().hello();
    last().says({ t: "err", id: 1, code: "not_found", message: "no topic is called 'stations'" });
    last().says({ t: "hb", ts: 9000 });
    last().says({ t: "hb", ts: 14000 });
    expect(last().sent.slice(1)).toEqual([{ t: "sub", id: 2, topic: "stations", max_hz: 2 }]);
    snapshot(4);
    expect(topics["stations"]!.seq).toBe(4);
  });

  it("ends a subscription that was confirmed after its page was left", () => {
    last().hello();
    client.unsubscribe("stations");
    last().says({ t: "sub_ok", id: 1, sid: 7, mode: "snapshot" });
    expect(last().sent.at(-1)).toMatchObject({ t: "unsub", sid: 7 });
  });
});
