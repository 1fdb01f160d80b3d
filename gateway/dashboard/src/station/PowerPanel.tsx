import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import uPlot from "uplot";
import { kilowatts } from "../i18n/format";
import { useTheme } from "../state/theme";
import type { Trace } from "../state/trace";
import type { Station } from "../state/types";
import { useZone } from "../state/zone";
import { CsvButton } from "../ui/CsvButton";
import type { CsvCell, CsvColumn } from "../ui/csv";
import { join, valueAt, type Table } from "./table";
import { TimePlot, type Paint, type Picture } from "./TimePlot";
import { useMoving } from "./useMoving";
import { useTrace } from "./useTrace";

const HEIGHT = 190;
const COLUMNS: readonly CsvColumn[] = [
  { name: "time", time: true },
  { name: "power_w" },
  { name: "grid_limit_w" },
  { name: "quality" },
];

/** What the station drew, and what its grid connection allowed. */
export function PowerPanel({ summary, pastS }: { summary: Station; pastS: number }) {
  const { t } = useTranslation("station");
  const { id, power_w: watts, power_quality, grid_limit_w: limit, data_time: time } = summary;
  const known = (power_quality ?? "good") === "good" ? watts : null;
  const power = useTrace({ station: id, signal: "power_w", spanS: pastS }, { time, value: known });
  const limits = useTrace({ station: id, signal: "grid_limit_w", spanS: pastS, steps: true }, { time, value: limit });
  const { zone } = useZone();
  const theme = useTheme();
  const to = useMoving(pastS);
  const from = (to ?? 0) - pastS;
  const data = useMemo(
    () => table(power.trace, limits.trace, limit, from, to ?? 0),
    [power.version, limits.version, limit, from],
  );
  return (
    <section className="panel power-chart" aria-labelledby="power">
      <header>
        <h2 id="power">{t("power.title")}</h2>
        <CsvButton name={`${id}-power`} what={t("power.title")} columns={COLUMNS} rows={() => rows(data)} />
      </header>
      {to !== null && (
        <TimePlot
          label={t("power.label", { power: kilowatts(known), limit: kilowatts(limit) })}
          height={HEIGHT}
          data={data}
          from={from}
          to={to}
          zone={zone}
          look={theme}
          picture={picture}
          told={(index) =>
            t("power.told", {
              power: kilowatts(valueAt(data, 1, index)),
              limit: kilowatts(valueAt(data, 2, index)),
            })
          }
        />
      )}
      <ul className="legend" aria-hidden="true">
        <li>
          <i className="history" /> {t("power.drawn")}
        </li>
        <li>
          <i className="limit" /> {t("power.limit")}
        </li>
      </ul>
    </section>
  );
}

/** A limit that no device reports stands in the site file, and was always what it is now. */
function table(power: Trace, limits: Trace, limit: number | null, from: number, to: number): Table {
  const reported = limits.since(from);
  const constant = reported[1].every((value) => value === null);
  const line = constant && limit !== null ? [[from, to], [limit, limit]] : reported;
  return join([power.since(from), line]);
}

function rows(data: Table): CsvCell[][] {
  return data[0].map((time, i) => {
    const power = data[1]?.[i];
    return [time, power, valueAt(data, 2, i), power === undefined ? "" : power === null ? "unknown" : "good"];
  });
}

function picture({ colour }: Paint): Picture {
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  return {
    scales: { y: { range: (_plot, _least, most) => [0, Math.max(1000, (most ?? 0) * 1.1)] } },
    axes: [{ size: 52, space: 28, values: (_plot, ticks) => ticks.map((watts) => kilowatts(watts)) }],
    series: [
      { stroke: colour("--text"), width: 1.5, points: { show: false } },
      {
        stroke: colour("--muted"),
        width: 1.5,
        dash: [8, 4],
        points: { show: false },
        ...(stepped && { paths: stepped }),
      },
    ],
  };
}
