import type { Drift, Drivers, Forecast, Option, Skill } from "../state/types";
import { clockTime, percent, probable, roughly } from "../i18n/format";

/** A change with its sign, in whole points of a hundred: "+30", "−4", "0". */
export function points(share: number): string {
  const whole = Math.round(share * 100);
  return whole === 0 ? "0" : `${whole < 0 ? "−" : "+"}${Math.abs(whole)}`;
}

/** A sentence that breaks at no number's unit. */
export function unbroken(sentence: string): string {
  return sentence.replace(/(?<=\d) (?=(?:min|kW|s|h|d)\b|%)/g, "\u00a0");
}

/** When a charging pack is ready, for a narrow place: "in 12 min", "ready 21:40". A null time is never, as things are. */
export function eta(at: number | null, now: number, zone: string | undefined): string {
  if (at === null) return "waiting";
  const left = at - now;
  if (left < 60) return "in <1 min";
  if (left < 3600) return `in ${Math.round(left / 60)} min`;
  return left < 86_400 ? `ready ${clockTime(at, zone, false)}` : `in ${roughly(left)}`;
}

/** The same as a time of day. */
export function etaTime(at: number | null, now: number, zone: string | undefined): string {
  if (at === null) return "waiting";
  if (at <= now) return "already";
  return at - now < 86_400 ? clockTime(at, zone, false) : `in ${roughly(at - now)}`;
}

/** An alarm in words, with its size and how long it has lasted. */
export function drift({ kind, magnitude, since }: Drift, now: number | null): string {
  const size = `${points(magnitude)} %`;
  const lasted = now === null ? "" : `, for ${roughly(now - since)}`;
  switch (kind) {
    case "degraded charger":
      return `charger weaker than expected, ${size}${lasted}`;
    case "soc sensor drift": {
      const hourly = `${magnitude < 0 ? "−" : "+"}${Math.abs(magnitude * 100).toFixed(1)} % per hour`;
      return `state of charge does not follow the charge, ${hourly}${lasted}`;
    }
    case "station power mismatch":
      return `station draws ${magnitude < 0 ? "less" : "more"} than its parts explain, ${size}${lasted}`;
  }
}

/** What each cause is, in words, with its part of the risk. */
export function causes(drivers: Drivers): { name: string; words: string; part: number }[] {
  const change = Math.round(drivers.demand * 100);
  const busy = `${change > 0 ? "busier or less certain than" : change < 0 ? "quieter than" : "like"} the day's mean`;
  return [
    { name: "Demand", words: busy, part: drivers.demand },
    { name: "Charging", words: "limits of grid and chargers", part: drivers.charging },
    { name: "Faults", words: "slots out of order", part: drivers.faults },
  ];
}

/** The other actions that would be enough, where the first is not possible. */
export function alternatives(options: readonly Option[]): string | null {
  const others = options.slice(1).map((option) => `${action(option)} (${probable(option.probability)})`);
  return others.length === 0 ? null : `Also enough: ${others.join("; ")}.`;
}

function action({ action, amount, slots }: Option): string {
  switch (action) {
    case "packs_added":
      return `bring ${amount} full pack${amount === 1 ? "" : "s"}`;
    case "slots_repaired":
      return `repair slot${slots.length === 1 ? "" : "s"} ${slots.join(", ")}`;
    case "grid_limit_w":
      return `raise the grid limit to ${(amount / 1000).toFixed(1)} kW`;
    case "demand_reduced":
      return `send ${percent(amount)} of the riders to other stations`;
  }
}

const DEMAND: Record<string, string> = {
  learned: "learned",
  stated: "as stated in the site file",
  assumed: "assumed, since none is stated and little is learned yet",
};

/** What the forecast was made with, and how old its data is where that matters. */
export function model(forecast: Forecast, now: number | null): string {
  const { quality, data_age_s: age, generated_at: made } = forecast;
  const silence = age === null || now === null ? null : age + Math.max(0, now - made);
  if (forecast.model === "climatology") {
    const since = silence === null ? "no data" : `no data for ${roughly(silence)}`;
    return `Climatology: ${since}. What this hour is usually like here.`;
  }
  const [, basis, boost] = /^ensemble\/(learned|stated|assumed)-demand(\+boost)?$/.exec(forecast.model) ?? [];
  if (basis === undefined) return `${forecast.model}.`;
  const start =
    quality === "good"
      ? "live data"
      : `the twin's estimate${silence === null ? "" : `, whose oldest data is ${roughly(silence)} old`}`;
  const demand = `${DEMAND[basis]}${boost === undefined ? "" : ", corrected by all stations together"}`;
  return `${forecast.replicas} futures from ${start}; demand ${demand}.`;
}

/** How well forecasts for the next hour have done here. */
export function record(skill: Skill): string {
  const scored = skill.scores["3600"];
  if (scored === undefined || scored.forecasts === 0) return "Not scored yet.";
  const { forecasts, brier_skill: value } = scored;
  const over = `${forecasts.toLocaleString("en-GB")} forecast${forecasts === 1 ? "" : "s"} of 60 min scored`;
  if (value === null) return `${over}; too alike so far for a Brier skill.`;
  return `Brier skill ${value.toFixed(2).replace("-", "−")}, ${over} (0: no better than this hour's past here; 1: perfect).`;
}
