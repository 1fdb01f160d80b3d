import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import type { Alarm } from "../state/alarms";

export interface Texts {
  title: string;
  cause: string;
  consequence: string;
  action: string;
}
type Part = keyof Texts;
type Told = Pick<Alarm, Part | "text_key" | "text_values">;

/** What an alarm says in the operator's language; where we have no words for it, the gateway's own English. */
export function useAlarmText(): (alarm: Told) => Texts {
  const { t } = useTranslation("alarms");
  return useCallback(
    (alarm) => {
      const part = (name: Part) => {
        // The condition's name comes from the gateway, so that no type can know whether there is a text for it.
        const key = `text.${alarm.text_key}.${name}` as "title";
        return t(key, { ...alarm.text_values, defaultValue: alarm[name] }) as string;
      };
      return {
        title: part("title"),
        cause: part("cause"),
        consequence: part("consequence"),
        action: part("action"),
      };
    },
    [t],
  );
}
