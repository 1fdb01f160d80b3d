import { describe, expect, it } from "vitest";
import { AREAS, LANGUAGES } from "./index";

type Messages = { [key: string]: string | Messages };

const files = import.meta.glob<Messages>("./*/*.json", { eager: true, import: "default" });

function flat(messages: Messages, prefix = ""): [string, string][] {
  return Object.entries(messages).flatMap(([key, value]) =>
    typeof value === "string" ? [[prefix + key, value] as [string, string]] : flat(value, `${prefix}${key}.`),
  );
}

/** The plural forms that a language needs differ: a key counts once, whatever its forms. */
const stem = (key: string) => key.replace(/_(zero|one|two|few|many|other)$/, "");
const placeholders = (text: string) => [...text.matchAll(/{{\s*(\w+)/g)].map((match) => match[1]).sort();

describe.each(AREAS)("messages of %s", (area) => {
  const english = flat(files[`./en/${area}.json`] ?? {});

  it.each(Object.keys(LANGUAGES))("has every text in %s", (language) => {
    const file = files[`./${language}/${area}.json`];
    expect(file).toBeDefined();
    const texts = flat(file ?? {});
    expect([...new Set(texts.map(([key]) => stem(key)))].sort()).toEqual(
      [...new Set(english.map(([key]) => stem(key)))].sort(),
    );
    expect(texts.filter(([, text]) => text.trim() === "")).toEqual([]);
  });

  it.each(Object.keys(LANGUAGES))("fills in the same values in %s", (language) => {
    const texts = new Map(flat(files[`./${language}/${area}.json`] ?? {}));
    for (const [key, text] of english) {
      if (texts.has(key)) expect([key, placeholders(texts.get(key) ?? "")]).toEqual([key, placeholders(text)]);
    }
  });
});
