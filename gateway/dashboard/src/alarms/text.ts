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
type Told<P extends Part> = Pick<Alarm, P | "text_key" | "text_values">;

/** Says one part of an alarm in the operator's language; where we have no words for it, in the gateway's English. */
function usePart(): <P extends Part>(alarm: Told<P>, part: P) => string {
  const { t } = useTranslation("alarms");
  return useCallback(
    (alarm, part) => {
      // The condition's name comes from the gateway, so that no type can know whether there is a text for it.
      const key = `text.${alarm.text_key}.${part}` as "title";
      return t(key, { ...alarm.text_values, defaultValue: alarm[part] }) as string;
    },
    [t],
  );
}

/** An alarm's title in the operator's language. */
export function useAlarmTitle(): (alarm: Told<"title">) => string {
  const say = usePart();
  return useCallback((alarm) => say(alarm, "title"), [say]);
}

/** All that an alarm says, in the operator's language. */
export function useAlarmTexts(): (alarm: Told<Part>) => Texts {
  const say = usePart();
  return (alarm) => ({
    title: say(alarm, "title"),
    cause: say(alarm, "cause"),
    consequence: say(alarm, "consequence"),
    action: say(alarm, "action"),
  });
}
