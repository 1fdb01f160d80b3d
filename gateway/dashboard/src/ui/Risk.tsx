import i18next from "i18next";
import { probable } from "../i18n/format";
import { band, type Band } from "../state/rank";

/** The shape of each band, on a square of 20. */
export const SHAPES: Record<Exclude<Band, "none">, string> = {
  high: "M1 1h18v18H1z",
  medium: "M10 0.5L20 19H0z",
  low: "M10 0L20 10L10 20L0 10z",
};

/** The band of a probability as shape, letter and colour; an unremarkable one has no mark. */
export function RiskMark({ probability }: { probability: number | null | undefined }) {
  const found = band(probability);
  if (found === "none") return <span className="mark" />;
  return (
    <svg className={`mark ${found}`} viewBox="0 0 20 20" role="img" aria-label={i18next.t(`risk.${found}`)}>
      <path d={SHAPES[found]} />
      <text x="10" y={found === "medium" ? 17 : 14.5}>
        {i18next.t(`riskLetter.${found}`)}
      </text>
    </svg>
  );
}

/** A probability as number and bar. */
export function Risk({ probability, old }: { probability: number | null | undefined; old: boolean }) {
  return (
    <span className={`risk ${band(probability)}${old ? " stale" : ""}`}>
      <RiskMark probability={probability} />
      <span className="number">{probable(probability)}</span>
      <span className="bar" aria-hidden="true">
        <span style={{ width: `${(probability ?? 0) * 100}%` }} />
      </span>
    </span>
  );
}
