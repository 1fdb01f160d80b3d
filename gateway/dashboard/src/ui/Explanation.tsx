import type { ReactNode } from "react";
import { useSkill } from "../state/useSkill";
import type { Drivers, Forecast } from "../state/types";
import { alternatives, causes, model, points, record, unbroken } from "./explain";
import { percent, UNKNOWN } from "../i18n/format";

/** Where a forecast comes from: what causes the risk, what would help, what made it and how well that has done. */
export function Explanation(props: { forecast: Forecast; station: string; now: number | null; old: boolean }) {
  const { forecast, now, old } = props;
  const { drivers, advice } = forecast;
  const skill = useSkill(props.station);
  const others = advice === null ? null : alternatives(advice.options);
  return (
    <dl className={`explanation${old ? " old" : ""}`}>
      {advice !== null && (
        <Fact name="Advice">
          <b>{unbroken(advice.text)}</b>
          {others !== null && <p>{unbroken(others)}</p>}
        </Fact>
      )}
      {drivers !== null && (
        <Fact name="Causes">
          <Causes drivers={drivers} risk={forecast.stockout_probability["3600"]} />
        </Fact>
      )}
      <Fact name="Model">{unbroken(model(forecast, now))}</Fact>
      <Fact name="So far">{skill === undefined ? UNKNOWN : unbroken(record(skill))}</Fact>
    </dl>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div data-fact={name}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Causes({ drivers, risk }: { drivers: Drivers; risk: number | null }) {
  return (
    <table className="causes">
      <caption>
        {unbroken(`Points of the ${percent(risk)} within 60 min that each accounts for; they overlap.`)}
      </caption>
      <tbody>
        {causes(drivers).map(({ name, words, part }) => (
          <tr key={name}>
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
