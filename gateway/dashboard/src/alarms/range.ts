import { isoTime, offsetOf } from "../i18n/format";

/** The value of a `datetime-local` field for a time in a zone. */
export function fieldOf(time: number, zone: string | undefined): string {
  return isoTime(time, zone).slice(0, 16);
}

/** The time that a `datetime-local` field means in a zone; null where it is empty or no time. In the hour that comes
 * twice in autumn it is the first of the two. */
export function timeOf(field: string, zone: string | undefined): number | null {
  const there = Date.parse(`${field}Z`) / 1000;
  if (field === "" || !Number.isFinite(there)) return null;
  const day = 86_400;
  // Around a clock change two offsets are possible: the one before it, and the one after.
  const before = there - offsetOf(there - day, zone);
  const after = there - offsetOf(there + day, zone);
  const means = (time: number) => time + offsetOf(time, zone) === there;
  return means(before) ? before : means(after) ? after : before;
}
