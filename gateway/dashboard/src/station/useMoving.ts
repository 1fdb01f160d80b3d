import { useLive } from "../state/live";

/** A chart of so many points across moves on by one at a time. */
const STEPS = 600;

/** Now, moving in steps that are just visible on a chart of so many seconds; null before the first contact. */
export function useMoving(spanS: number): number | null {
  const step = spanS / STEPS;
  return useLive((live) => (live.now === null ? null : Math.ceil(live.now / step) * step));
}
