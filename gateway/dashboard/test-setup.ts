import { bundled, speak, type Area } from "./src/i18n";

// Tests read English, every area of it.
const english = import.meta.glob<Record<string, string>>("./src/i18n/en/*.json", { eager: true, import: "default" });
await speak("en");
for (const [file, messages] of Object.entries(english)) {
  bundled(file.slice("./src/i18n/en/".length, -".json".length) as Area, messages);
}
