import { create } from "zustand";

export const THEMES = ["auto", "light", "dark", "contrast"] as const;
export type ThemeChoice = (typeof THEMES)[number];
/** What is drawn; a canvas reads its colours again when this changes. */
export type Theme = Exclude<ThemeChoice, "auto">;

const STORED = "swaptwin.theme";

export const useThemes = create<{ choice: ThemeChoice; theme: Theme }>(() => ({ choice: "auto", theme: "light" }));

export const useTheme = () => useThemes((themes) => themes.theme);

export function chooseTheme(choice: ThemeChoice): void {
  localStorage.setItem(STORED, choice);
  useThemes.setState({ choice });
  apply();
}

/** Draw in the theme that was chosen here before, else in what the device prefers, also when that changes. */
export function startTheme(): void {
  const stored = localStorage.getItem(STORED);
  useThemes.setState({ choice: THEMES.find((theme) => theme === stored) ?? "auto" });
  for (const query of [DARK, MORE_CONTRAST, PRINT]) matchMedia(query).addEventListener("change", apply);
  apply();
}

const DARK = "(prefers-color-scheme: dark)";
const PRINT = "print";
const MORE_CONTRAST = "(prefers-contrast: more)";

function apply(): void {
  const { choice } = useThemes.getState();
  const preferred = matchMedia(MORE_CONTRAST).matches ? "contrast" : matchMedia(DARK).matches ? "dark" : "light";
  const theme = matchMedia(PRINT).matches ? "light" : choice === "auto" ? preferred : choice;
  document.documentElement.dataset["theme"] = theme;
  useThemes.setState({ theme });
}
