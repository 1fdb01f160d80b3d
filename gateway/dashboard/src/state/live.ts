import { create } from "zustand";
import { browser, StreamClient, type Link } from "../stream/client";
import type { Fields, Keyed } from "../stream/protocol";
import type { TopicState } from "../stream/reducer";
import { getJson } from "./rest";
import type { Health } from "./types";

/** At most this many drawings of new data in a second, however fast it comes. */
const FRAMES_PER_S = 10;

interface Live {
  link: Link;
  /** Whether this page has ever been connected. */
  everLive: boolean;
  /** When the gateway was last heard, in monotonic milliseconds; told once the connection is lost. */
  heardAt: number | null;
  /** Site time in seconds by the server's clock, counted on by ours; null before the first contact. */
  now: number | null;
  /** Wall time in monotonic milliseconds at the same moment, for what counts in wall time. */
  wall: number;
  /** Grows with every connection that is made: what was fetched before may be incomplete. */
  connections: number;
  health: Health | null;
  topics: Readonly<Record<string, Keyed | undefined>>;
  refusals: Readonly<Record<string, string | undefined>>;
}

export const useLive = create<Live>(() => ({
  link: { phase: "connecting" },
  everLive: false,
  heardAt: null,
  now: null,
  wall: performance.now(),
  connections: 0,
  health: null,
  topics: {},
  refusals: {},
}));

const { setState, getState } = useLive;

let anchor: { site: number; wall: number } | null = null;
const fresh = new Map<string, TopicState>();
const hearers = new Map<string, Set<Hearer>>();
let drawn = 0;
let drawing = false;

function siteNow(): number | null {
  if (anchor === null) return null;
  return anchor.site + ((performance.now() - anchor.wall) / 1000) * (getState().health?.speed ?? 1);
}

/** The one render tick: whatever came since the last is drawn at once, and nothing while the page is hidden. */
function draw(): void {
  if (performance.now() - drawn < 1000 / FRAMES_PER_S) {
    requestAnimationFrame(draw);
    return;
  }
  drawing = false;
  drawn = performance.now();
  const topics = { ...getState().topics };
  for (const [topic, state] of fresh) topics[topic] = state.data;
  fresh.clear();
  setState({ topics });
}

function follow(link: Link): void {
  if (link.phase === "live") setState({ link, everLive: true, connections: getState().connections + 1 });
  else if (link.phase === "lost") setState({ link, heardAt: link.heardAt });
  else setState({ link });
}

async function fetchHealth(): Promise<void> {
  setState({ health: await getJson<Health>("/api/v1/health") });
}

/** Ask for the site's name, zone and speed, which change rarely. */
export function refreshHealth(): void {
  fetchHealth().catch((error: unknown) => console.warn("the site's name and time zone are not known:", error));
}

const client = new StreamClient(
  {
    link: follow,
    hello() {
      refreshHealth();
    },
    time(ms) {
      anchor = { site: ms / 1000, wall: performance.now() };
      if (getState().now === null) setState({ now: ms / 1000 });
    },
    topic(topic, state) {
      fresh.set(topic, state);
      if (drawing) return;
      drawing = true;
      requestAnimationFrame(draw);
    },
    event(topic, event) {
      for (const hearer of hearers.get(topic) ?? []) hearer.event(event);
    },
    missed(topic) {
      for (const hearer of hearers.get(topic) ?? []) hearer.missed();
    },
    refused(topic, message) {
      setState({ refusals: { ...getState().refusals, [topic]: message } });
    },
  },
  browser(),
);

/** Connect, and count the ages up every second. */
export function start(): void {
  client.start();
  setInterval(() => setState({ now: siteNow(), wall: performance.now() }), 1000);
  window.addEventListener("online", () => client.hurry());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") client.hurry();
  });
}

/** Follow topics until the returned function is called. */
export function follows(topics: readonly string[]): () => void {
  for (const topic of topics) client.subscribe(topic);
  return () => {
    for (const topic of topics) {
      client.unsubscribe(topic);
      fresh.delete(topic);
    }
    const drop = (kept: object) => Object.fromEntries(Object.entries(kept).filter(([key]) => !topics.includes(key)));
    setState({ topics: drop(getState().topics), refusals: drop(getState().refusals) });
  };
}

export interface Hearer {
  event(event: Fields): void;
  /** Events may have passed unheard. */
  missed(): void;
}

/** Hear the events of a topic that is followed, until the returned function is called. */
export function hears(topic: string, hearer: Hearer): () => void {
  const all = hearers.get(topic) ?? new Set();
  hearers.set(topic, all.add(hearer));
  return () => void all.delete(hearer);
}
