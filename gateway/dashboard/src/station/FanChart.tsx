import type { TFunction } from "i18next";
import { useMemo, useRef } from "react";
import { useTranslation } from "react-i18next";
import { count, probable } from "../i18n/format";
import { useTheme } from "../state/theme";
import type { Trace } from "../state/trace";
import type { Forecast } from "../state/types";

import { AT, fanData, type Futures } from "./fanData";
import { fanPicture, type Overlay } from "./fanPicture";
import { valueAt, type Columns } from "./table";
import { TimePlot } from "./TimePlot";

const HEIGHT = 320;
export const FUTURE_S = 7200;
/** The picture moves on when now has moved by about a pixel. */
const STEPS = 700;

export interface Past {
  trace: Trace;
  version: string;
}

interface Props {
  ready: Past;
  riskThen: Past;
  earlier: Columns;
  forecast: Forecast | undefined;
  /** The futures of a what-if question, to compare with. */
  other: Futures | undefined;
  now: number | null;
  slots: number;
  zone: string | undefined;
  pastS: number;
}

/** Ready packs as measured up to now and as forecast after it, with the chance of running out, on one axis of time. */
export function FanChart({ ready, riskThen, earlier, forecast, other, now, slots, zone, pastS }: Props) {
  const { t } = useTranslation("station");
  const theme = useTheme();
  const step = (pastS + FUTURE_S) / STEPS;
  const at = now === null ? null : Math.floor(now / step) * step;
  const from = (at ?? 0) - pastS;
  const data = useMemo(
    () => fanData({ ready: ready.trace, riskThen: riskThen.trace, earlier }, forecast, other, from, at ?? 0),
    [ready.version, riskThen.version, earlier, forecast, other, from],
  );
  const label = useMemo(
    () => labelled(t, ready.trace, forecast, other, from),
    [t, ready.version, forecast, other, from],
  );
  const words = { now: t("chart.now"), asIs: t("chart.asIs"), whatIf: t("chart.whatIf") };
  const overlay = useRef<Overlay | null>(null);
  overlay.current = {
    now: at ?? 0,
    words,
    compared: other !== undefined,
    etas: forecast === undefined || (now ?? 0) > forecast.valid_until ? [] : etas(forecast),
  };
  if (at === null) return <div className="chart" style={{ height: HEIGHT }} />;
  return (
    <TimePlot
      label={label}
      height={HEIGHT}
      data={data}
      from={from}
      to={at + FUTURE_S}
      zone={zone}
      look={`${theme} ${slots}`}
      picture={(paint) => fanPicture(paint, slots, () => overlay.current!)}
      told={(index) => {
        const value = (series: number) => valueAt(data, series, index);
        if ((data[0][index] ?? 0) <= at) {
          const [ready, earlier] = [count(value(AT.ready)), count(value(AT.earlier))];
          return t("chart.toldPast", { ready, earlier, risk: probable(value(AT.riskThen)) });
        }
        const futures = (places: typeof AT.fan | typeof AT.other, risk: number) =>
          t("chart.toldFuture", {
            median: count(value(places.p50)),
            low: count(value(places.p05)),
            high: count(value(places.p95)),
            risk: probable(value(risk)),
          });
        const told = futures(AT.fan, AT.risk);
        return other === undefined ? told : `${told} · ${words.whatIf}: ${futures(AT.other, AT.otherRisk)}`;
      }}
    />
  );
}

function etas({ eta, generated_at: made }: Forecast): Overlay["etas"] {
  return eta.flatMap(({ slot, ready_s }) => (ready_s === null || ready_s <= 0 ? [] : [{ slot, time: made + ready_s }]));
}

function labelled(
  t: TFunction<"station">,
  trace: Trace,
  forecast: Forecast | undefined,
  other: Futures | undefined,
  from: number,
): string {
  const [, values] = trace.since(from);
  const last = values.at(-1);
  const measured = last == null ? t("chart.readyUnknown") : t("chart.readyNow", { count: last });
  const end = (futures: Futures) => ({
    median: count(futures.ready.p50.at(-1)),
    low: count(futures.ready.p05.at(-1)),
    high: count(futures.ready.p95.at(-1)),
  });
  const future = forecast?.ready.p50.length ? t("chart.inTwoHours", end(forecast)) : t("chart.noForecast");
  const compared = other === undefined ? "" : ` ${t("chart.inTwoHoursWhatIf", end(other))}`;
  return `${t("chart.label")} ${measured} ${future}${compared}`;
}
