import { useTranslation } from "react-i18next";
import { age, span } from "../i18n/format";
import { useLive } from "../state/live";
import { useZone } from "../state/zone";
import type { Forecast, Station } from "../state/types";
import { CsvButton } from "../ui/CsvButton";
import { Explanation } from "./Explanation";
import { FanChart, type Past } from "./FanChart";
import type { Futures } from "./fanData";
import { ForecastTable } from "./ForecastTable";
import { HorizonTable } from "./HorizonTable";
import { PastChoice } from "./PastChoice";
import { FAN_COLUMNS, fanRows } from "./fanTable";
import { useEarlier } from "./useEarlier";
import { useTrace } from "./useTrace";

/** Ages in sentences, and the chart, move on in steps of so many seconds. */
const COARSE_S = 5;

interface Props {
  summary: Station;
  forecast: Forecast | undefined;
  other: Futures | undefined;
  pastS: number;
}

/** Ready packs: what they were, and what they may become, with how likely it is that none is left. */
export function ForecastPanel({ summary, forecast, other, pastS }: Props) {
  const { t } = useTranslation("station");
  const ready = useReady(summary, pastS);
  const riskThen = useRisk(summary, pastS);
  const earlier = useEarlier(summary.id, pastS);
  const { zone } = useZone();
  const now = useLive((live) => (live.now === null ? null : Math.floor(live.now / COARSE_S) * COARSE_S));
  const expired = useLive((live) => forecast !== undefined && live.now !== null && live.now > forecast.valid_until);
  return (
    <section className="panel forecast" aria-labelledby="forecast">
      <header>
        <h2 id="forecast">{t("forecast.title")}</h2>
        <PastChoice />
        <CsvButton
          name={`${summary.id}-forecast`}
          what={t("forecast.title")}
          columns={FAN_COLUMNS}
          rows={() => {
            const past = { ready: ready.trace, riskThen: riskThen.trace, earlier };
            return fanRows(past, forecast, other, (now ?? 0) - pastS, now ?? 0);
          }}
        />
      </header>
      <p className="made">
        <span className={expired ? "stale value" : ""}>
          {forecast === undefined ? t("forecast.none") : <Made at={forecast.generated_at} expired={expired} />}
        </span>
      </p>
      <FanChart
        ready={ready}
        riskThen={riskThen}
        earlier={earlier}
        forecast={forecast}
        other={other}
        now={now}
        slots={summary.slots}
        zone={zone}
        pastS={pastS}
      />
      <Legend compared={other !== undefined} />
      <HorizonTable forecast={forecast} expired={expired} />
      <p className="note">{forecast === undefined ? "\u00a0" : <Sentence forecast={forecast} />}</p>
      {forecast !== undefined && (
        <>
          <Explanation forecast={forecast} station={summary.id} now={now} old={expired} />
          <ForecastTable forecast={forecast} zone={zone} />
        </>
      )}
    </section>
  );
}

function Made({ at, expired }: { at: number; expired: boolean }) {
  const { t } = useTranslation("station");
  const since = useLive((live) => span(age(at, live.now) ?? 0));
  return t(expired ? "forecast.madeOld" : "forecast.made", { span: since });
}

function useReady({ id, ready, ready_quality, data_time }: Station, spanS: number): Past {
  const value = ready_quality === "good" ? ready : null;
  return useTrace({ station: id, signal: "ready", spanS, steps: true }, { time: data_time, value });
}

function useRisk({ id, forecast_time, stockout_probability }: Station, spanS: number): Past {
  const latest = { time: forecast_time, value: stockout_probability?.["3600"] ?? null };
  return useTrace({ station: id, signal: "stockout_probability_3600", spanS, steps: true }, latest);
}

function Legend({ compared }: { compared: boolean }) {
  const { t } = useTranslation("station");
  const marks = ["history", "median", "inner", "outer", "earlier", "riskThen", "risk", "eta"] as const;
  return (
    <ul className="legend" aria-hidden="true">
      {marks.map((mark) => (
        <li key={mark}>
          <i className={mark} /> {t(`legend.${mark}`)}
        </li>
      ))}
      {compared && (
        <li>
          <i className="other" /> {t("legend.other")}
        </li>
      )}
    </ul>
  );
}

function Sentence({ forecast }: { forecast: Forecast }) {
  const { t } = useTranslation("station");
  const { p10, p50 } = forecast.time_to_stockout_s;
  const first =
    p50 !== null
      ? t("forecast.half", { span: span(p50) })
      : p10 !== null
        ? t("forecast.tenth", { span: span(p10) })
        : t("forecast.few");
  return `${first} ${t("forecast.means")}`;
}
