import { memo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { percent, UNKNOWN } from "../i18n/format";
import type { Drivers, Forecast } from "../state/types";
import { useSkill } from "../state/useSkill";
import { AdviceText } from "./AdviceText";
import { causes, model, points, record, unbroken } from "./explain";
import { SkillTable } from "./SkillTable";

interface Props {
  forecast: Forecast;
  station: string;
  now: number | null;
  old: boolean;
}

/** Where a forecast comes from: what would help, what causes the risk, what made it and how well that has done. */
export const Explanation = memo(function Explanation(props: Props) {
  const { t } = useTranslation("station");
  const { forecast, station, now, old } = props;
  const { drivers, advice } = forecast;
  const skill = useSkill(station);
  return (
    <dl className={`explanation${old ? " old" : ""}`}>
      {advice !== null && (
        <Fact name={t("facts.advice")}>
          <AdviceText advice={advice} />
        </Fact>
      )}
      {drivers !== null && (
        <Fact name={t("facts.causes")}>
          <Causes drivers={drivers} risk={forecast.stockout_probability["3600"]} />
        </Fact>
      )}
      <Fact name={t("facts.model")}>{unbroken(model(forecast, now))}</Fact>
      <Fact name={t("facts.record")}>
        {skill === undefined ? UNKNOWN : unbroken(record(skill))}
        {skill !== undefined && <SkillTable skill={skill} station={station} />}
      </Fact>
    </dl>
  );
});

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div data-fact={name}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Causes({ drivers, risk }: { drivers: Drivers; risk: number | null }) {
  const { t } = useTranslation("station");
  return (
    <table className="causes">
      <caption>{unbroken(t("causes.caption", { risk: percent(risk) }))}</caption>
      <tbody>
        {causes(drivers).map(({ key, name, words, part }) => (
          <tr key={key}>
            <th scope="row">
              {name} <small>{words}</small>
            </th>
            <td className="right">{points(part)}</td>
            <td className="share">
              <span className="bar" aria-hidden="true">
                <span style={{ width: `${risk ? Math.min(100, (Math.max(0, part) / risk) * 100) : 0}%` }} />
              </span>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
