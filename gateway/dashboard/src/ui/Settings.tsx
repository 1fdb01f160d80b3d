import { useEffect, useRef } from "react";
import { useTranslation } from "react-i18next";
import { changeLanguage, LANGUAGES, type Language } from "../i18n";
import { chooseTheme, THEMES, useThemes, type ThemeChoice } from "../state/theme";
import { chooseZone, useZone, ZONES, type ZoneKind } from "../state/zone";

/** Language, colours and whose time is shown. */
export function Settings() {
  const { t, i18n } = useTranslation();
  const theme = useThemes((themes) => themes.choice);
  const { kind } = useZone();
  const menu = useRef<HTMLDetailsElement>(null);
  useEffect(() => {
    const close = (event: Event) => {
      if (event.target instanceof Node && !menu.current?.contains(event.target)) menu.current?.removeAttribute("open");
    };
    for (const type of ["pointerdown", "focusin"]) document.addEventListener(type, close);
    return () => {
      for (const type of ["pointerdown", "focusin"]) document.removeEventListener(type, close);
    };
  }, []);
  return (
    <details
      className="settings"
      ref={menu}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !menu.current?.open) return;
        event.preventDefault();
        menu.current.open = false;
        menu.current.querySelector("summary")?.focus();
      }}
    >
      <summary className="button quiet">{t("settings.open")}</summary>
      <div className="menu">
        <Choice
          label={t("settings.language")}
          value={i18n.language as Language}
          options={Object.entries(LANGUAGES) as [Language, string][]}
          choose={(language) => void changeLanguage(language)}
        />
        <Choice
          label={t("settings.theme")}
          value={theme}
          options={THEMES.map((choice): [ThemeChoice, string] => [choice, t(`theme.${choice}`)])}
          choose={chooseTheme}
        />
        <Choice
          label={t("settings.zone")}
          value={kind}
          options={ZONES.map((choice): [ZoneKind, string] => [choice, t(`zone.${choice}`)])}
          choose={chooseZone}
        />
      </div>
    </details>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  options: readonly (readonly [T, string])[];
  choose: (value: T) => void;
}

function Choice<T extends string>({ label, value, options, choose }: ChoiceProps<T>) {
  return (
    <label>
      {label}
      <select value={value} onChange={(event) => choose(event.target.value as T)}>
        {options.map(([option, name]) => (
          <option key={option} value={option}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
