import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

/** The variables of every theme, the light one's where a theme says nothing of its own. */
function themes(): Record<string, Record<string, string>> {
  const css = readFileSync(new URL("./themes.css", import.meta.url), "utf8");
  const blocks = [...css.matchAll(/:root(?:\[data-theme="(\w+)"\])? \{([^}]*)\}/g)].map(([, name, body]) => {
    const variables = [...(body ?? "").matchAll(/(--[\w-]+): ([^;]+);/g)].map((found) => [found[1], found[2]]);
    return [name ?? "light", Object.fromEntries(variables)] as const;
  });
  return Object.fromEntries(blocks);
}

function luminance(colour: string): number {
  const hex = colour.length === 4 ? [...colour.slice(1)].map((digit) => digit + digit).join("") : colour.slice(1);
  const [r = 0, g = 0, b = 0] = [0, 2, 4].map((at) => {
    const part = parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

const TEXT: readonly (readonly [string, string])[] = [
  ["--text", "--bg"],
  ["--text", "--surface"],
  ["--text", "--equipment"],
  ["--muted", "--bg"],
  ["--muted", "--surface"],
  ["--muted", "--equipment"],
  ["--abnormal-1", "--bg"],
  ["--abnormal-1", "--surface"],
  ["--on-abnormal-1", "--abnormal-1"],
  ["--on-abnormal", "--abnormal-2"],
  ["--on-abnormal", "--abnormal-3"],
  ["--on-alarm-1", "--alarm-1"],
  ["--on-alarm", "--alarm-2"],
  ["--on-alarm", "--alarm-3"],
  ["--on-lost", "--lost"],
];
const GRAPHICS: readonly (readonly [string, string])[] = [
  ["--bar", "--surface"],
  ["--focus", "--bg"],
  ["--focus", "--surface"],
  ["--estimate", "--surface"],
];

describe.each(Object.entries(themes()))("the %s theme", (_name, colours) => {
  it.each(TEXT)("lets %s be read on %s (WCAG AA)", (text, ground) => {
    expect(contrast(colours[text] ?? "", colours[ground] ?? "")).toBeGreaterThanOrEqual(4.5);
  });

  it.each(GRAPHICS)("lets %s be seen on %s", (drawn, ground) => {
    expect(contrast(colours[drawn] ?? "", colours[ground] ?? "")).toBeGreaterThanOrEqual(3);
  });
});

it("names the same colours in every theme", () => {
  const [first, ...others] = Object.values(themes()).map((colours) => Object.keys(colours).sort());
  for (const other of others) expect(other).toEqual(first);
});
