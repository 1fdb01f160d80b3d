import i18next from "i18next";
import type { Quality, Reason } from "../state/types";

export const UNKNOWN = "–";

/** The locale of numbers and dates; English is British here: days before months, 24 hours. */
export function locale(): string {
  return i18next.language === "en" ? "en-GB" : i18next.language;
}

const numbers = new Map<string, Intl.NumberFormat>();

/** A number with so many decimals, as the language writes it. */
export function decimal(value: number, digits: number): string {
  const key = `${i18next.language}/${digits}`;
  let format = numbers.get(key);
  if (format === undefined) {
    format = new Intl.NumberFormat(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits });
    numbers.set(key, format);
  }
  return format.format(value);
}

/** A count, or "–". */
export function count(value: number | null | undefined): string {
  return value == null ? UNKNOWN : decimal(value, 0);
}

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
  return watts == null ? UNKNOWN : decimal(watts / 1000, 1);
}

export function fixed(value: number | null | undefined, digits: number, unit: string): string {
  return value == null ? UNKNOWN : `${decimal(value, digits)} ${unit}`.trim();
}

type Unit = "s" | "min" | "h" | "d";
const amount = (value: number | string, unit: Unit) => `${value} ${i18next.t(`unit.${unit}`)}`;

/** A span of time in one or two units: "42 s", "3 min 05 s", "2 h 10 min", "3 d 4 h". */
export function span(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 100) return amount(whole, "s");
  const two = (n: number) => String(n).padStart(2, "0");
  if (whole < 3600) return `${amount(Math.floor(whole / 60), "min")} ${amount(two(whole % 60), "s")}`;
  if (whole < 86_400) {
    return `${amount(Math.floor(whole / 3600), "h")} ${amount(two(Math.floor((whole % 3600) / 60)), "min")}`;
  }
  return `${amount(Math.floor(whole / 86_400), "d")} ${amount(Math.floor((whole % 86_400) / 3600), "h")}`;
}

/** A span in its largest unit, for words that stand in a narrow place. */
export function roughly(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 100) return amount(whole, "s");
  if (whole < 6000) return amount(Math.floor(whole / 60), "min");
  return whole < 172_800 ? amount(Math.floor(whole / 3600), "h") : amount(Math.floor(whole / 86_400), "d");
}

/** The age of something that has a source time; null when it never came. */
export function age(time: number | null | undefined, now: number | null): number | null {
  return time == null || now === null ? null : Math.max(0, now - time);
}

/** Why a value is not good, in words, with its age where silence is the reason. */
export function trouble(quality: Quality, reason: Reason | null, silence: number | null): string {
  if (quality === "good" || reason === null) return i18next.t(`quality.${quality}`);
  const silent = reason === "stale" || reason === "no_communication";
  const since = silent && silence !== null ? ` ${roughly(silence)}` : "";
  return i18next.t(`quality.${reason}`) + since;
}

export function clockTime(time: number, zone: string | undefined, seconds = true): string {
  return formatter(zone, {
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
    ...(seconds && { second: "2-digit" }),
  }).format(time * 1000);
}

/** The date, and the zone as people there call it, with its offset: "Fri 20 Nov", "Asia/Taipei, UTC+8". */
export function dateAndZone(time: number, zone: string | undefined): { date: string; zone: string } {
  const date = formatter(zone, { weekday: "short", day: "numeric", month: "short" });
  const name = zone ?? date.resolvedOptions().timeZone; // as the site file spells it, which browsers may not
  return {
    date: date.format(time * 1000).replace(",", ""),
    zone: name === "UTC" ? "UTC" : `${name}, ${offsetName(time, zone)}`,
  };
}

/** A day and a time of it with its offset, so that the hour that comes twice in autumn is told apart. */
export function moment(time: number, zone: string | undefined): string {
  const day = formatter(zone, { day: "numeric", month: "short" }).format(time * 1000);
  return `${day} ${clockTime(time, zone)} ${offsetName(time, zone)}`;
}

/** "UTC+8" */
export function offsetName(time: number, zone: string | undefined): string {
  const offset = offsetOf(time, zone);
  if (offset === 0) return "UTC";
  const { sign, hours, minutes } = split(offset);
  return `UTC${sign}${hours}${minutes === 0 ? "" : `:${String(minutes).padStart(2, "0")}`}`;
}

/** ISO 8601 with the zone's offset and whole seconds, for files. */
export function isoTime(time: number, zone: string | undefined): string {
  const offset = offsetOf(time, zone);
  const { sign, hours, minutes } = split(offset);
  const two = (n: number) => String(n).padStart(2, "0");
  const there = new Date((Math.floor(time) + offset) * 1000).toISOString().slice(0, 19);
  return `${there}${sign}${two(hours)}:${two(minutes)}`;
}

/** How many seconds the zone is before UTC at that time. */
export function offsetOf(time: number, zone: string | undefined): number {
  const second = Math.floor(time);
  const parts: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
  for (const { type, value } of digits(zone).formatToParts(second * 1000)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second: s = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, s) / 1000 - second;
}

function split(offset: number): { sign: string; hours: number; minutes: number } {
  const minutes = Math.abs(Math.round(offset / 60));
  return { sign: offset < 0 ? "-" : "+", hours: Math.floor(minutes / 60), minutes: minutes % 60 };
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(zone: string | undefined, options: Intl.DateTimeFormatOptions, tag = locale()): Intl.DateTimeFormat {
  const key = JSON.stringify([tag, zone, options]);
  let found = formatters.get(key);
  if (found === undefined) {
    found = new Intl.DateTimeFormat(tag, { ...options, timeZone: zone });
    formatters.set(key, found);
  }
  return found;
}

function digits(zone: string | undefined): Intl.DateTimeFormat {
  const two = "2-digit";
  const options = { year: "numeric", month: two, day: two, hour: two, minute: two, second: two, hourCycle: "h23" } as const;
  return formatter(zone, options, "en-GB");
}
