import { useTranslation } from "react-i18next";
import { count, percent, UNKNOWN } from "../i18n/format";
import { HORIZONS, type Skill } from "../state/types";
import { CsvButton } from "../ui/CsvButton";
import type { CsvColumn } from "../ui/csv";
import { Table } from "../ui/Table";
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
      <Table
        className="numbers skill"
        columns={[
          [t("horizons.within"), (row) => t("horizons.minutes", { minutes: Number(row.horizon) / 60 })],
          [t("skill.forecasts"), ({ score }) => count(score.forecasts), "right"],
          [
            t("skill.better"),
            ({ score }) => (score.brier_skill === null ? UNKNOWN : `${points(score.brier_skill)} %`),
            "right",
          ],
          [t("skill.gap"), ({ score }) => percent(score.ece), "right"],
          [t("skill.happened"), ({ score }) => percent(score.base_rate), "right"],
        ]}
        rows={scored}
        keyOf={({ horizon }) => horizon}
      />
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
