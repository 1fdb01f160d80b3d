import { memo, useMemo, type CSSProperties } from "react";
import { useTranslation } from "react-i18next";
import { decimal, UNKNOWN } from "../i18n/format";
import { useLive } from "../state/live";
import { useTheme } from "../state/theme";
import type { Slot } from "../state/types";
import { useZone } from "../state/zone";
import { CsvButton } from "../ui/CsvButton";
import type { CsvColumn } from "../ui/csv";
import { residual, residuals } from "./residual";
import { slotKey } from "./SlotButton";
import { valueAt } from "./table";
import { TimePlot, type Paint, type Picture } from "./TimePlot";
import { useMoving } from "./useMoving";
import { useTrace } from "./useTrace";

const HEIGHT = 150;
/** A bar is as long as it can be at this difference of the state of charge. */
const FULL = 0.1;
/** How far the chart over time reaches up and down: in steps, so that its scale does not jump with every value. */
const WIDTHS = [0.02, 0.05, 0.1, 0.2, 0.5];
/** More bars than this stand in several rows, all of one length. */
const IN_A_ROW = 16;
const COLUMNS: readonly CsvColumn[] = [{ name: "time", time: true }, { name: "soc_minus_twin_soc" }, { name: "quality" }];

interface Props {
  station: string;
  numbers: readonly number[];
  slot: Slot | undefined;
  pastS: number;
  choose(slot: number): void;
}

/** How far telemetry and twin are apart: in every slot now, and in the chosen one over time. */
export function ResidualPanel({ station, numbers, slot, pastS, choose }: Props) {
  const { t } = useTranslation("station");
  const inARow = Math.ceil(numbers.length / Math.ceil(numbers.length / IN_A_ROW));
  return (
    <section className="panel residuals" aria-labelledby="residuals">
      <header>
        <h2 id="residuals">{t("residual.title")}</h2>
      </header>
      <div className="residualstrip" style={{ "--columns": inARow } as CSSProperties}>
        {numbers.map((number) => (
          <Bar
            key={number}
            topic={`station/${station}`}
            number={number}
            chosen={number === slot?.slot}
            choose={choose}
          />
        ))}
      </div>
      {slot !== undefined && <Past station={station} slot={slot} pastS={pastS} />}
    </section>
  );
}

interface BarProps {
  topic: string;
  number: number;
  chosen: boolean;
  choose(slot: number): void;
}

const Bar = memo(function Bar({ topic, number, chosen, choose }: BarProps) {
  const { t } = useTranslation("station");
  const found = useLive((live) => {
    const slot = live.topics[topic]?.[slotKey(number)] as Slot | undefined;
    const difference = slot === undefined ? null : residual(slot);
    return difference === null ? null : Math.round(difference * 1000) / 1000;
  });
  const size = `${Math.min(1, Math.abs(found ?? 0) / FULL) * 50}%`;
  return (
    <button
      type="button"
      className="residual"
      aria-pressed={chosen}
      aria-label={t("residual.of", { slot: number, difference: told(found) })}
      title={told(found)}
      onClick={() => choose(number)}
    >
      <span className={found === null ? "well unknown" : "well"}>
        {found !== null && (
          <span style={{ height: size, ...(found < 0 ? { top: "50%" } : { bottom: "50%" }) }} />
        )}
      </span>
      {number}
    </button>
  );
});

function Past({ station, slot, pastS }: { station: string; slot: Slot; pastS: number }) {
  const { t } = useTranslation("station");
  const { zone } = useZone();
  const theme = useTheme();
  const { slot: number, data_time: time, twin } = slot;
  const known = residual(slot) !== null;
  const wanted = { station, slot: number, spanS: pastS };
  const live = useTrace({ ...wanted, signal: "soc" }, { time, value: known ? slot.soc : null });
  const believed = useTrace({ ...wanted, signal: "twin_soc" }, { time, value: known ? (twin?.soc ?? null) : null });
  const to = useMoving(pastS);
  const from = (to ?? 0) - pastS;
  const data = useMemo(
    () => residuals(live.trace, believed.trace, from),
    [live.version, believed.version, from],
  );
  const name = t("residual.past", { slot: number });
  return (
    <>
      <p className="subhead">
        {name}
        <CsvButton
          name={`${station}-slot-${number}-residual`}
          what={name}
          columns={COLUMNS}
          rows={() => data[0].map((at, i) => [at, data[1][i], data[1][i] === null ? "unknown" : "good"])}
        />
      </p>
      {to !== null && (
        <TimePlot
          label={t("residual.label", { slot: number, difference: told(residual(slot)) })}
          height={HEIGHT}
          data={data}
          from={from}
          to={to}
          zone={zone}
          look={theme}
          picture={picture}
          told={(index) => told(valueAt(data, 1, index))}
        />
      )}
    </>
  );
}

/** In points of the state of charge. */
function told(difference: number | null): string {
  if (difference === null) return UNKNOWN;
  const text = decimal(difference * 100, 1).replace("-", "−");
  return `${difference > 0 ? "+" : ""}${text} %`;
}

function picture({ colour }: Paint): Picture {
  return {
    scales: {
      y: {
        range: (_plot, least, most) => {
          const widest = Math.max(Math.abs(least ?? 0), Math.abs(most ?? 0));
          const wide = WIDTHS.find((width) => width >= widest) ?? 1;
          return [-wide, wide];
        },
      },
    },
    axes: [{ size: 60, splits: (_plot, _axis, least, most) => [least, 0, most], values: (_plot, ticks) => ticks.map((tick) => told(tick)) }],
    series: [{ stroke: colour("--text"), width: 1.5, points: { show: false } }],
  };
}
