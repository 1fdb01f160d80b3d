import i18next from "i18next";
import { clockTime, count, decimal, kilowatts, percent, probable, roughly } from "../i18n/format";
import type { Drift, Drivers, Forecast, Option, Skill } from "../state/types";

const t = i18next.getFixedT(null, "station");
const DAY_S = 86_400;

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
  if (at === null) return t("eta.waiting");
  const left = at - now;
  if (left < 60) return t("eta.soon");
  if (left < 3600) return t("eta.minutes", { minutes: Math.round(left / 60) });
  return left < DAY_S ? t("eta.at", { time: clockTime(at, zone, false) }) : t("eta.in", { span: roughly(left) });
}

/** Whether `eta` is a bare span of time, which does not say by itself what it is until. */
export function isSpan(at: number | null, now: number): boolean {
  return at !== null && (at - now < 3600 || at - now >= DAY_S);
}

/** The same as a time of day. */
export function etaTime(at: number | null, now: number, zone: string | undefined): string {
  if (at === null) return t("eta.waiting");
  if (at <= now) return t("eta.already");
  return at - now < DAY_S ? clockTime(at, zone, false) : t("eta.in", { span: roughly(at - now) });
}

/** An alarm of the twin in words, with its size and how long it has lasted. */
export function drift({ kind, magnitude, since }: Drift, now: number | null): string {
  const lasted = now === null ? "" : t("drift.lasted", { span: roughly(now - since) });
  const size = `${points(magnitude)} %`;
  switch (kind) {
    case "degraded charger":
      return t("drift.charger", { size }) + lasted;
    case "soc sensor drift": {
      const hourly = `${magnitude < 0 ? "−" : "+"}${decimal(Math.abs(magnitude * 100), 1)} %`;
      return t("drift.soc", { size: hourly }) + lasted;
    }
    case "station power mismatch":
      return t(magnitude < 0 ? "drift.less" : "drift.more", { size }) + lasted;
  }
}

/** What each cause is, in words, with its part of the risk. */
export function causes(drivers: Drivers): { key: keyof Drivers; name: string; words: string; part: number }[] {
  const change = Math.round(drivers.demand * 100);
  const busy = change > 0 ? "busier" : change < 0 ? "quieter" : "usual";
  return [
    { key: "demand", name: t("causes.demand"), words: t(`causes.${busy}`), part: drivers.demand },
    { key: "charging", name: t("causes.charging"), words: t("causes.limits"), part: drivers.charging },
    { key: "faults", name: t("causes.faults"), words: t("causes.slots"), part: drivers.faults },
  ];
}

/** What to do, and what that changes; where nothing is enough alone, that. */
export function advised({ options, probability, target }: NonNullable<Forecast["advice"]>): string {
  const [best] = options;
  const before = probable(probability);
  if (best === undefined) return t("advice.nothing", { before, target: percent(target) });
  return t("advice.sentence", { action: capital(action(best)), before, after: probable(best.probability) });
}

/** The other actions that would be enough, where the first is not possible. */
export function alternatives(options: readonly Option[]): string | null {
  const others = options.slice(1).map((option) => `${action(option)} (${probable(option.probability)})`);
  return others.length === 0 ? null : t("advice.others", { actions: others.join("; ") });
}

export function action({ action: kind, amount, slots }: Option): string {
  switch (kind) {
    case "packs_added":
      return t("action.packs", { count: amount });
    case "slots_repaired":
      return t("action.slots", { count: slots.length, slots: slots.join(", ") });
    case "grid_limit_w":
      return t("action.grid", { power: kilowatts(amount) });
    case "demand_reduced":
      return t("action.demand", { share: percent(amount) });
  }
}

export function capital(words: string): string {
  return words.charAt(0).toLocaleUpperCase(i18next.language) + words.slice(1);
}

/** What the forecast was made with, and how old its data is where that matters. */
export function model(forecast: Forecast, now: number | null): string {
  const { quality, data_age_s: age, generated_at: made } = forecast;
  const silence = age === null || now === null ? null : roughly(age + Math.max(0, now - made));
  if (forecast.model === "climatology") {
    const since = silence === null ? t("model.noData") : t("model.noDataFor", { span: silence });
    return t("model.climatology", { since });
  }
  const [, basis, boost] = /^ensemble\/(learned|stated|assumed)-demand(\+boost)?$/.exec(forecast.model) ?? [];
  if (basis === undefined) return `${forecast.model}.`;
  const start =
    quality === "good"
      ? t("model.live")
      : silence === null
        ? t("model.twin")
        : t("model.twinOld", { span: silence });
  const demand = t(`model.${basis as "learned" | "stated" | "assumed"}`) + (boost === undefined ? "" : t("model.boost"));
  return t("model.ensemble", { futures: forecast.replicas, start, demand });
}

/** How well forecasts for the next hour have done here. */
export function record(skill: Skill): string {
  const scored = skill.scores["3600"];
  if (scored === undefined || scored.forecasts === 0) return t("record.none");
  const over = t("record.over", { count: scored.forecasts, forecasts: count(scored.forecasts) });
  const value = scored.brier_skill;
  return value === null ? t("record.alike", { over }) : t("record.skill", { skill: signed(value), over });
}

/** A score with two decimals and a true minus. */
export function signed(value: number): string {
  return decimal(value, 2).replace("-", "−");
}
