import { useTranslation } from "react-i18next";
import { count, percent, UNKNOWN } from "../i18n/format";
import { HORIZONS, type Skill } from "../state/types";
import { CsvButton } from "../ui/CsvButton";
import type { CsvColumn } from "../ui/csv";
import { points } from "./explain";

const COLUMNS: readonly CsvColumn[] = ["horizon_s", "forecasts", "brier_skill", "ece", "base_rate"].map((name) => ({ name }));

/** How well forecasts of each horizon have done, in figures. */
export function SkillTable({ skill, station }: { skill: Skill; station: string }) {
  const { t } = useTranslation("station");
  const scored = HORIZONS.flatMap((horizon) => {
    const score = skill.scores[horizon];
    return score === undefined ? [] : [{ horizon, score }];
  });
  if (scored.length === 0) return null;
  return (
    <details>
      <summary>{t("skill.title")}</summary>
      <table className="numbers skill">
        <thead>
          <tr>
            <th scope="col">{t("horizons.within")}</th>
            <th scope="col" className="right">
              {t("skill.forecasts")}
            </th>
            <th scope="col" className="right">
              {t("skill.better")}
            </th>
            <th scope="col" className="right">
              {t("skill.gap")}
            </th>
            <th scope="col" className="right">
              {t("skill.happened")}
            </th>
          </tr>
        </thead>
        <tbody>
          {scored.map(({ horizon, score }) => (
            <tr key={horizon}>
              <th scope="row">{t("horizons.minutes", { minutes: Number(horizon) / 60 })}</th>
              <td className="right">{count(score.forecasts)}</td>
              <td className="right">{score.brier_skill === null ? UNKNOWN : `${points(score.brier_skill)} %`}</td>
              <td className="right">{percent(score.ece)}</td>
              <td className="right">{percent(score.base_rate)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <p className="note">
        {t("skill.note")}{" "}
        <CsvButton
          name={`${station}-forecast-skill`}
          what={t("skill.title")}
          columns={COLUMNS}
          rows={() =>
            scored.map(({ horizon, score }) => [
              Number(horizon),
              score.forecasts,
              score.brier_skill,
              score.ece,
              score.base_rate,
            ])
          }
        />
      </p>
    </details>
  );
}
