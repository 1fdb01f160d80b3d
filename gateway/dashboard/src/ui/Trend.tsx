import { memo, useMemo } from "react";
import { useTranslation } from "react-i18next";
import { clockTime } from "../i18n/format";
import { isAbnormal, notGood, span, table, type Series, type Stretch } from "../state/series";
import type { Quality, Reason } from "../state/types";
import { useZone } from "../state/zone";
import { zoneLabel } from "./axis";
import { CsvButton } from "./CsvButton";
import { fixedRange, isStepped, isWhole, states, textOf, type SlotSignal } from "./signals";
import { TrendChart, type Line, type LineKind } from "./TrendChart";
import { drawnAs, Value } from "./Value";

export type Normal = readonly [number | null, number | null] | null;

interface Props {
  /** How files are called that hold it. */
  of: string;
  signal: SlotSignal;
  value: number | null;
  quality: Quality;
  reason: Reason | null;
  normal: Normal;
  live: Series;
  twin: Series | undefined;
  truth: Series | undefined;
  from: number;
  to: number;
}

const NO_STRETCH: readonly Stretch[] = [];
const SHORT = 64;
const TALL = 150;

/** One signal of a slot over time: measured, as the twin believes it, and as it is where that is known. */
export const Trend = memo(function Trend(props: Props) {
  const { signal, value, quality, reason, normal, live, twin, truth, from, to } = props;
  const { t } = useTranslation("slot");
  const { zone } = useZone();
  const lines = useMemo(() => {
    const found: Line[] = [];
    const add = (kind: LineKind, series: Series | undefined) => {
      if (series !== undefined && series.v.some((value) => value !== null)) {
        found.push({ kind, name: t(`line.${kind}`), series });
      }
    };
    found.push({ kind: "live", name: t("line.live"), series: live });
    add("twin", twin);
    add("truth", truth);
    return found;
  }, [live, twin, truth, t]);
  const stretches = useMemo(() => notGood(live, to), [live, to]);
  const range = useMemo(
    () =>
      fixedRange(signal) ??
      span(
        lines.map((line) => line.series.v),
        normal,
      ),
    [lines, normal, signal],
  );
  const text = (value: number, short: boolean) => textOf(signal, value, t, short ? digitsFor(signal, range) : undefined);
  const name = t(`signal.${signal}`);
  const outside = isAbnormal(value, normal) && quality === "good";
  return (
    <figure className="trend" data-signal={signal}>
      <figcaption>
        <b>{name}</b>
        <span className={outside ? "abnormal" : ""}>
          <Value text={textOf(signal, value, t)} as={drawnAs(value !== null, quality, reason)} />
        </span>
        {outside && <span className="outside">{t("normal.outside")}</span>}
        <small>{normalWords(signal, normal, t)}</small>
        <CsvButton
          name={`${props.of}-${signal}`}
          what={name}
          columns={[
            { name: "time", time: true },
            { name: signal },
            { name: "quality" },
            ...(twin === undefined ? [] : [{ name: `twin_${signal}` }]),
            ...(truth === undefined ? [] : [{ name: `truth_${signal}` }]),
          ]}
          rows={() => {
            const shown = [live, twin, truth].filter((series) => series !== undefined);
            return table(shown).map((row) => [row.time, row.values[0], row.quality, ...row.values.slice(1)]);
          }}
        />
      </figcaption>
      <TrendChart
        label={label()}
        lines={lines}
        notGood={stretches.length === 0 ? NO_STRETCH : stretches}
        normal={normal}
        from={from}
        to={to}
        range={range}
        states={states(signal)}
        stepped={isStepped(signal)}
        whole={isWhole(signal)}
        zone={zone}
        height={states(signal)?.length === 2 ? SHORT : TALL}
        text={text}
      />
    </figure>
  );

  function label(): string {
    const head = t("chart.label", {
      signal: name,
      from: clockTime(from, zone, false),
      to: clockTime(to, zone, false),
      zone: zoneLabel(to, zone),
    });
    const told = lines.flatMap((line) => {
      const values = line.series.v.filter((value) => value !== null);
      const last = values.at(-1);
      if (last === undefined) return [];
      const words = (number: number) => textOf(signal, number, t);
      const [low, high] = [Math.min(...values), Math.max(...values)];
      return [t("chart.last", { line: line.name, last: words(last), low: words(low), high: words(high) })];
    });
    const gaps = stretches.length === 0 ? [] : [t("chart.notGood", { count: stretches.length })];
    return [head, ...(told.length === 0 ? [t("chart.nothing")] : told), ...gaps].join(" ");
  }
});

/** On the axis as many decimals as its marks need to differ. */
function digitsFor(signal: SlotSignal, [low, high]: readonly [number, number]): number | undefined {
  if (states(signal) !== null || isWhole(signal)) return undefined;
  const shown = (high - low) * (signal === "soc" || signal === "soh" ? 100 : 1);
  return shown >= 8 ? 0 : shown >= 0.8 ? 1 : shown >= 0.08 ? 2 : 3;
}

function normalWords(signal: SlotSignal, normal: Normal, t: ReturnType<typeof useTranslation<"slot">>["t"]): string {
  if (normal === null || states(signal) !== null) return "";
  const [low, high] = normal.map((limit) => (limit === null ? null : textOf(signal, limit, t))) as [
    string | null,
    string | null,
  ];
  if (low !== null && high !== null) {
    const [, unit] = /(\s\S+)$/.exec(high) ?? [];
    const plain = unit !== undefined && low.endsWith(unit) ? low.slice(0, -unit.length) : low;
    return low === high ? t("normal.at", { low }) : t("normal.between", { low: plain, high });
  }
  if (low !== null) return t("normal.from", { low });
  return high === null ? "" : t("normal.to", { high });
}

