import i18next, { type BackendModule, type ResourceKey } from "i18next";
import { initReactI18next } from "react-i18next";
import alarms from "./en/alarms.json";
import common from "./en/common.json";
import network from "./en/network.json";

/** The languages by their own names. */
export const LANGUAGES = { en: "English", de: "Deutsch", zh: "中文", es: "Español" } as const;
export type Language = keyof typeof LANGUAGES;

export const AREAS = ["common", "network", "station", "slot", "alarms", "alarmpage", "diagnostics", "bench"] as const;
export type Area = (typeof AREAS)[number];

const STORED = "swaptwin.language";
const files = import.meta.glob<{ default: ResourceKey }>("./{de,zh,es}/*.json");

const lazily: BackendModule = {
  type: "backend",
  init() {},
  read(language, area, done) {
    const load = files[`./${language}/${area}.json`];
    if (load === undefined) return done(new Error(`no messages for ${area} in ${language}`), null);
    load().then(
      (file) => done(null, file.default),
      (error: unknown) => done(error instanceof Error ? error : new Error(String(error)), null),
    );
  },
};

/** The language that was chosen here before, else the first of the browser's that we speak. */
export function preferred(): Language {
  const wanted = [localStorage.getItem(STORED) ?? "", ...navigator.languages];
  return wanted.map((tag) => tag.slice(0, 2).toLowerCase()).find(isLanguage) ?? "en";
}

function isLanguage(tag: string): tag is Language {
  return tag in LANGUAGES;
}

export async function speak(language: Language): Promise<void> {
  await i18next
    .use(lazily)
    .use(initReactI18next)
    .init({
      lng: language,
      fallbackLng: "en",
      ns: ["common", "network", "alarms"],
      defaultNS: "common",
      resources: { en: { common, network, alarms } },
      partialBundledLanguages: true,
      interpolation: { escapeValue: false },
    });
}

export async function changeLanguage(language: Language): Promise<void> {
  localStorage.setItem(STORED, language);
  await i18next.changeLanguage(language);
}

/** The English of an area, which comes with the pages of that area: call it where the page's module begins. */
export function bundled(area: Area, english: ResourceKey): void {
  i18next.addResourceBundle("en", area, english);
}
