import { band, type Band } from "../state/rank";
import { probable } from "./format";

const SHAPES: Record<Exclude<Band, "none">, { path: string; letter: string; word: string }> = {
  high: { path: "M1 1h18v18H1z", letter: "H", word: "high" },
  medium: { path: "M10 0.5L20 19H0z", letter: "M", word: "medium" },
  low: { path: "M10 0L20 10L10 20L0 10z", letter: "L", word: "low" },
};

/** The band of a probability as shape, letter and colour; an unremarkable one has no mark. */
export function RiskMark({ probability }: { probability: number | null | undefined }) {
  const found = band(probability);
  if (found === "none") return <span className="mark" />;
  const { path, letter, word } = SHAPES[found];
  return (
    <svg className={`mark ${found}`} viewBox="0 0 20 20" role="img" aria-label={`${word} risk`}>
      <path d={path} />
      <text x="10" y={found === "medium" ? 17 : 14.5}>
        {letter}
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
