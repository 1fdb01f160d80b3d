import { PATH, SUBPROTOCOL, type Frame, type Hello } from "./protocol";
import { EMPTY, reduce, resumePoint, type TopicState } from "./reducer";

const FIRST_DELAY_MS = 500;
const LAST_DELAY_MS = 30_000;
const DRAINING = 4503;
const DRAIN_SPREAD_MS = 10_000;
const UNTIL_HELLO_S = 4;
const WATCH_MS = 500;
/** Silence for this many heartbeats means that the connection is dead, whatever the socket says. */
const SILENCE = 2.5;

/** How often at most a topic comes that many devices feed; others come as they change. */
const MAX_HZ: Readonly<Record<string, number | undefined>> = { stations: 2, devices: 1 };

/** `heardAt` (null: never) and `retryAt` are monotonic milliseconds. */
export type Link =
  | { phase: "connecting" }
  | { phase: "live" }
  | { phase: "lost"; why: "closed" | "silent"; heardAt: number | null; retryAt: number };

export interface Listener {
  link(link: Link): void;
  hello(hello: Hello): void;
  /** The server's time in milliseconds, from the frames that tell it (`ts` of a topic is when that last changed). */
  time(ms: number): void;
  topic(topic: string, state: TopicState): void;
  refused(topic: string, message: string): void;
}

export interface Surroundings {
  socket(): WebSocket;
  /** Monotonic milliseconds. */
  now(): number;
  random(): number;
}

export function browser(): Surroundings {
  const url = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${PATH}`;
  return {
    socket: () => new WebSocket(url, SUBPROTOCOL),
    now: () => performance.now(),
    random: Math.random,
  };
}

interface Subscription {
  state: TopicState;
  /** The request that awaits its answer, then the number that the server gave. */
  id: number | null;
  sid: number | null;
  refused: boolean;
}

/** One socket, kept open: topics are subscribed whenever it is, and every break in a topic leads to a new snapshot. */
export class StreamClient {
  private socket: WebSocket | null = null;
  private epoch: string | null = null;
  private silenceMs = UNTIL_HELLO_S * SILENCE * 1000;
  private heardAt: number | null = null;
  private openedAt = 0;
  private attempt = 0;
  private nextId = 1;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private watch: ReturnType<typeof setInterval> | undefined;
  private readonly subscriptions = new Map<string, Subscription>();

  constructor(
    private readonly listener: Listener,
    private readonly around: Surroundings,
  ) {}

  start(): void {
    this.watch = setInterval(() => this.checkSilence(), WATCH_MS);
    this.connect();
  }

  stop(): void {
    clearInterval(this.watch);
    clearTimeout(this.retry);
    this.leave();
  }

  /** Try again at once, for example because the network came back. */
  hurry(): void {
    if (this.socket === null) this.connect();
  }

  subscribe(topic: string): void {
    if (this.subscriptions.has(topic)) return;
    this.subscriptions.set(topic, { state: EMPTY, id: null, sid: null, refused: false });
    this.ask(topic);
  }

  unsubscribe(topic: string): void {
    const subscription = this.subscriptions.get(topic);
    this.subscriptions.delete(topic);
    if (subscription?.sid != null) this.send({ t: "unsub", id: this.nextId++, sid: subscription.sid });
  }

  private connect(): void {
    clearTimeout(this.retry);
    this.listener.link({ phase: "connecting" });
    this.openedAt = this.around.now();
    this.silenceMs = UNTIL_HELLO_S * SILENCE * 1000;
    const socket = this.around.socket();
    this.socket = socket;
    socket.onmessage = (event) => this.hear(JSON.parse(String(event.data)) as Frame);
    socket.onclose = (event) => this.lose("closed", event.code);
  }

  private leave(): void {
    if (this.socket === null) return;
    this.socket.onmessage = null;
    this.socket.onclose = null;
    this.socket.close();
    this.socket = null;
  }

  private lose(why: "closed" | "silent", code = 0): void {
    this.leave();
    this.epoch = null;
    for (const subscription of this.subscriptions.values()) subscription.id = subscription.sid = null;
    const delay = code === DRAINING ? this.around.random() * DRAIN_SPREAD_MS : this.backOff();
    this.attempt += 1;
    this.listener.link({ phase: "lost", why, heardAt: this.heardAt, retryAt: this.around.now() + delay });
    this.retry = setTimeout(() => this.connect(), delay);
  }

  /** Doubling from 0.5 to 30 s, each time somewhere in the upper half, so that clients do not return in step. */
  private backOff(): number {
    const whole = Math.min(LAST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.attempt);
    return Math.max(FIRST_DELAY_MS, whole * (0.5 + this.around.random() / 2));
  }

  private checkSilence(): void {
    const since = Math.max(this.openedAt, this.heardAt ?? 0);
    if (this.socket !== null && this.around.now() - since > this.silenceMs) this.lose("silent");
  }

  private send(message: object): void {
    if (this.epoch !== null) this.socket?.send(JSON.stringify(message));
  }

  private ask(topic: string): void {
    const subscription = this.subscriptions.get(topic);
    if (subscription === undefined || this.epoch === null) return;
    subscription.id = this.nextId++;
    subscription.sid = null;
    subscription.refused = false;
    const resume = resumePoint(subscription.state, this.epoch);
    const max_hz = MAX_HZ[topic];
    this.send({ t: "sub", id: subscription.id, topic, ...(max_hz && { max_hz }), ...(resume && { resume }) });
  }

  private hear(frame: Frame): void {
    this.heardAt = this.around.now();
    switch (frame.t) {
      case "hello":
        this.epoch = frame.epoch;
        this.silenceMs = frame.hb_s * SILENCE * 1000;
        this.listener.time(frame.now);
        this.listener.hello(frame);
        this.listener.link({ phase: "live" });
        for (const topic of this.subscriptions.keys()) this.ask(topic);
        return;
      case "sub_ok":
        return this.confirm(frame.id, frame.sid);
      case "snap":
      case "delta":
      case "reset":
        return this.apply(frame);
      case "hb":
        this.listener.time(frame.ts);
        return this.askAgain();
      case "err":
        for (const [topic, subscription] of this.subscriptions) {
          if (subscription.id !== frame.id) continue;
          subscription.refused = true;
          this.listener.refused(topic, frame.message);
        }
        return;
    }
  }

  /** A gateway that has just started may not know a topic yet that it will know soon. */
  private askAgain(): void {
    for (const [topic, subscription] of this.subscriptions) if (subscription.refused) this.ask(topic);
  }

  private confirm(id: number, sid: number): void {
    this.attempt = 0;
    for (const subscription of this.subscriptions.values()) {
      if (subscription.id === id) {
        subscription.sid = sid;
        return;
      }
    }
    this.send({ t: "unsub", id: this.nextId++, sid });
  }

  private apply(frame: Extract<Frame, { t: "snap" | "delta" | "reset" }>): void {
    for (const [topic, subscription] of this.subscriptions) {
      if (subscription.sid !== frame.sid) continue;
      const step = reduce(subscription.state, frame);
      subscription.state = step.state;
      if (frame.t !== "reset") this.listener.topic(topic, step.state);
      if (!step.resubscribe) return;
      if (frame.t !== "reset") this.send({ t: "unsub", id: this.nextId++, sid: frame.sid });
      this.ask(topic);
      return;
    }
  }
}
