import { useEffect } from "react";
import type { Keyed } from "../stream/protocol";
import { follows, useLive } from "./live";

/** Follow topics while the component is shown. */
export function useTopics(...topics: string[]): (Keyed | undefined)[] {
  const key = topics.join("\n");
  useEffect(() => follows(key.split("\n")), [key]);
  return topics.map((topic) => useLive((live) => live.topics[topic]));
}
