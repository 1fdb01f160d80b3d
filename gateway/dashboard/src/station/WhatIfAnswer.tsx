import { useTranslation } from "react-i18next";
import { age, decimal, probable, span } from "../i18n/format";
import { useLive } from "../state/live";
import { HORIZONS, type Horizon } from "../state/types";
import { CsvButton } from "../ui/CsvButton";
import type { CsvColumn } from "../ui/csv";
import { changesNothing } from "./change";
import { points, unbroken } from "./explain";
import { HorizonHead, lostSwaps } from "./HorizonTable";
import { refusalText } from "./refusal";
import { useWhatIf, type Answer, type Interval, type Refusal } from "./whatIfStore";

const COLUMNS: readonly CsvColumn[] = [
  "horizon_s",
  "stockout_probability",
  "stockout_probability_whatif",
  "stockout_difference",
  "stockout_difference_low",
  "stockout_difference_high",
  "lost_swaps",
  "lost_swaps_whatif",
  "lost_swaps_difference",
  "lost_swaps_difference_low",
  "lost_swaps_difference_high",
].map((name) => ({ name }));

/** A difference of probabilities that is told. */
const LEAST = 0.0005;

/** What the change does to the chance of running out and to lost swaps. */
export function WhatIfAnswer({ station }: { station: string }) {
  const { t } = useTranslation("station");
  const { change, answer, refusal } = useWhatIf();
  if (changesNothing(change)) return <p className="note">{t("whatif.hint")}</p>;
  if (refusal !== null) return <Refused refusal={refusal} />;
  if (answer === null) return <p className="note">{t("whatif.asking")}</p>;
  const late = answer.of !== change;
  const row = (name: string, key: string, cells: (horizon: (typeof HORIZONS)[number]) => string) => (
    <tr data-row={key}>
      <th scope="row">{name}</th>
      {HORIZONS.map((horizon) => (
        <td key={horizon} className="right">
          {cells(horizon)}
        </td>
      ))}
    </tr>
  );
  const { base, changed, difference } = answer;
  return (
    <div className={late ? "answer late" : "answer"} aria-busy={late}>
      <p className="verdict" role="status">
        {late ? t("whatif.asking") : unbroken(verdict(answer, t))}
      </p>
      <table className="horizons">
        <thead>
          <HorizonHead />
        </thead>
        <tbody>
          {row(t("whatif.stockout"), "base", (h) => probable(base.stockout_probability[h]))}
          {row(t("whatif.stockoutThen"), "changed", (h) => probable(changed.stockout_probability[h]))}
          {row(t("whatif.difference"), "difference", (h) => pointsOf(difference.stockout_probability[h]))}
          {row(t("whatif.lost"), "lost", (h) => lostSwaps(base.lost_swaps[h]))}
          {row(t("whatif.lostThen"), "lost-changed", (h) => lostSwaps(changed.lost_swaps[h]))}
        </tbody>
      </table>
      <p className="note">
        <Made answer={answer} />{" "}
        <CsvButton
          name={`${station}-whatif`}
          what={t("whatif.title")}
          columns={COLUMNS}
          rows={() =>
            HORIZONS.map((h) => [
              Number(h),
              base.stockout_probability[h],
              changed.stockout_probability[h],
              ...bounds(difference.stockout_probability[h]),
              base.lost_swaps[h],
              changed.lost_swaps[h],
              ...bounds(difference.lost_swaps[h]),
            ])
          }
        />
      </p>
    </div>
  );
}

function Made({ answer }: { answer: Answer }) {
  const { t } = useTranslation("station");
  const since = useLive((live) => span(age(answer.generated_at, live.now) ?? 0));
  return t("whatif.made", { span: since, futures: answer.replicas });
}

function Refused({ refusal }: { refusal: Refusal }) {
  const { t } = useTranslation("station");
  return (
    <p className="verdict refused" role="status">
      {refusalText(refusal, t)}
    </p>
  );
}

function verdict(answer: Answer, t: ReturnType<typeof useTranslation<"station">>["t"]): string {
  if (answer.changes.length === 0) return t("whatif.nothing");
  const { base, changed, difference } = answer;
  const moved = (h: Horizon) => Math.abs(difference.stockout_probability[h].mean) >= LEAST;
  // The usual hour, unless the change is felt only after it.
  const horizon = moved("3600") || !moved("7200") ? "3600" : "7200";
  const before = probable(base.stockout_probability[horizon]);
  const after = probable(changed.stockout_probability[horizon]);
  const minutes = Number(horizon) / 60;
  if (!moved(horizon)) return t("whatif.same", { before, minutes });
  const { mean, low, high } = difference.stockout_probability[horizon];
  const said = { before, after, minutes, low: tenths(low), high: tenths(high) };
  return mean < 0 ? t("whatif.falls", said) : t("whatif.rises", said);
}

function pointsOf({ mean }: Interval): string {
  return points(mean);
}

/** A difference of probabilities in points of a hundred with one decimal. */
function tenths(share: number): string {
  const text = decimal(share * 100, 1).replace("-", "−");
  return share > 0 ? `+${text}` : text;
}

function bounds({ mean, low, high }: Interval): number[] {
  return [mean, low, high];
}
