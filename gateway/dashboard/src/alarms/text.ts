import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import type { Alarm } from "../state/alarms";

type Told<P extends keyof Alarm> = Pick<Alarm, P | "text_key" | "text_values">;

// A condition's name comes from the gateway, so that no type can know whether there is a text for it. Where we have
// none, the gateway's English stands.

/** Says an alarm's title in the operator's language. */
export function useAlarmTitle(): (alarm: Told<"title">) => string {
  const { t } = useTranslation("alarms");
  return useCallback(
    ({ text_key, text_values, title }) =>
      t(`titles.${text_key as "smoke"}`, { ...text_values, defaultValue: title }) as string,
    [t],
  );
}

/** Says why an alarm stands and what to do, in the operator's language; a text of the alarm page. */
export function useAlarmAdvice(): (alarm: Alarm, part: "cause" | "consequence" | "action") => string {
  const { t } = useTranslation("alarmpage");
  return (alarm, part) =>
    t(`advice.${alarm.text_key as "smoke"}.${part}`, { ...alarm.text_values, defaultValue: alarm[part] }) as string;
}
