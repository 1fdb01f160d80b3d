import { useId } from "react";
import { useTranslation } from "react-i18next";
import { PRIORITIES, STANDING, type AlarmState, type Choice } from "../state/alarms";
import { PriorityMark } from "../ui/PriorityMark";

export const EVERYTHING: Choice = { priorities: [], state: "", station: "", words: "" };

/** Which alarms are shown. The search is what `/` leads to. */
export function FilterBar({ choice, stations, choose }: {
  choice: Choice;
  stations: readonly string[];
  choose(choice: Choice): void;
}) {
  const { t } = useTranslation(["alarmpage", "alarms"]);
  const id = useId();
  const toggle = (priority: number) =>
    choose({
      ...choice,
      priorities: choice.priorities.includes(priority)
        ? choice.priorities.filter((each) => each !== priority)
        : [...choice.priorities, priority],
    });
  return (
    <search className="filter" aria-label={t("filter.label")}>
      <span role="group" aria-label={t("filter.priorities")} className="priorities">
        {PRIORITIES.map((priority) => (
          <button
            key={priority}
            type="button"
            aria-pressed={choice.priorities.includes(priority)}
            onClick={() => toggle(priority)}
          >
            <PriorityMark priority={priority} />
          </button>
        ))}
      </span>
      <label htmlFor={`${id}state`}>
        <span>{t("filter.state")}</span>
        <select
          id={`${id}state`}
          value={choice.state}
          onChange={(event) => choose({ ...choice, state: event.target.value as AlarmState | "" })}
        >
          <option value="">{t("filter.all")}</option>
          {STANDING.map((state) => (
            <option key={state} value={state}>
              {t(`alarms:state.${state}`)}
            </option>
          ))}
        </select>
      </label>
      <label htmlFor={`${id}station`}>
        <span>{t("filter.station")}</span>
        <select
          id={`${id}station`}
          value={choice.station}
          onChange={(event) => choose({ ...choice, station: event.target.value })}
        >
          <option value="">{t("filter.all")}</option>
          {stations.map((station) => (
            <option key={station}>{station}</option>
          ))}
        </select>
      </label>
      <label htmlFor={`${id}words`} className="words">
        <span>{t("filter.words")}</span>
        <input
          id={`${id}words`}
          type="search"
          data-search
          value={choice.words}
          onChange={(event) => choose({ ...choice, words: event.target.value })}
        />
      </label>
    </search>
  );
}
