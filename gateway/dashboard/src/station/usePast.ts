import { useParameter } from "../state/route";

/** How much of the past charts show, in hours. */
export const PASTS = [1, 6, 24] as const;

/** The past that is chosen in the page's address, in seconds. */
export function usePast(): number {
  const wanted = Number(useParameter("past") ?? PASTS[0]);
  return (PASTS.find((hours) => hours === wanted) ?? PASTS[0]) * 3600;
}
