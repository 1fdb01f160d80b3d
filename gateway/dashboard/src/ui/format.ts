import type { Quality, Reason } from "../state/types";

export const UNKNOWN = "–";

/** A share as whole percent. */
export function percent(share: number | null | undefined): string {
  return share == null ? UNKNOWN : `${Math.round(share * 100)} %`;
}

/** A probability as whole percent; it is never rounded to certainty. */
export function probable(share: number | null | undefined): string {
  if (share == null) return UNKNOWN;
  if (share > 0 && share < 0.005) return "<1 %";
  return share < 1 && share >= 0.995 ? ">99 %" : percent(share);
}

export function kilowatts(watts: number | null | undefined): string {
  return watts == null ? UNKNOWN : (watts / 1000).toFixed(1);
}

export function fixed(value: number | null | undefined, digits: number, unit: string): string {
  return value == null ? UNKNOWN : `${value.toFixed(digits)} ${unit}`.trim();
}

/** A span of time in one or two units: "42 s", "3 min 05 s", "2 h 10 min", "3 d 4 h". */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 100) return `${whole} s`;
  const two = (n: number) => String(n).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86_400)} d ${Math.floor((whole % 86_400) / 3600)} h`;
}

/** A span in its largest unit, for words that stand in a narrow place. */
export function roughly(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 100) return `${whole} s`;
  if (whole < 6000) return `${Math.floor(whole / 60)} min`;
  return whole < 172_800 ? `${Math.floor(whole / 3600)} h` : `${Math.floor(whole / 86_400)} d`;
}

/** The age of something that has a source time; null when it never came. */
export function age(time: number | null | undefined, now: number | null): number | null {
  return time == null || now === null ? null : Math.max(0, now - time);
}

/** Why a value is not good, in words, with its age where silence is the reason. */
export function trouble(quality: Quality, reason: Reason | null, silence: number | null): string {
  if (quality === "good") return "good";
  const since = silence === null ? "" : ` ${roughly(silence)}`;
  switch (reason) {
    case "stale":
      return `no data${since}`;
    case "no_communication":
      return `no contact${since}`;
    case "out_of_range":
      return "out of range";
    case "sensor_failure":
      return "sensor fault";
    case "substituted":
      return "estimated";
    case "not_configured":
      return "not configured";
    case null:
      return quality;
  }
}

export function clockTime(time: number, zone: string | undefined, seconds = true): string {
  return new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    hour: "2-digit",
    minute: "2-digit",
    ...(seconds && { second: "2-digit" }),
  }).format(time * 1000);
}

/** The date, and the zone as people there call it, with its offset: "Fri 20 Nov", "Asia/Taipei, UTC+8". */
export function dateAndZone(time: number, zone: string | undefined): { date: string; zone: string } {
  const date = new Intl.DateTimeFormat("en-GB", { timeZone: zone, weekday: "short", day: "numeric", month: "short" });
  const parts = new Intl.DateTimeFormat("en-GB", { timeZone: zone, timeZoneName: "shortOffset" }).formatToParts(
    time * 1000,
  );
  const offset = parts.find((part) => part.type === "timeZoneName")?.value.replace("GMT", "UTC") ?? "";
  const name = zone ?? date.resolvedOptions().timeZone; // as the site file spells it, which browsers may not
  return { date: date.format(time * 1000).replace(",", ""), zone: name === "UTC" ? "UTC" : `${name}, ${offset}` };
}
