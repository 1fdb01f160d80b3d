import { useEffect, useRef, useState } from "react";
import { useLive } from "../state/live";
import { getJson } from "../state/rest";
import { fromHistory, Trace } from "../state/trace";
import { HORIZONS, type Forecast, type History, type Station } from "../state/types";
import { Explanation } from "./Explanation";
import { FanChart } from "./FanChart";
import { age, clockTime, span, UNKNOWN } from "../i18n/format";
import { Risk } from "./Risk";

const PAST_S = 3600;
const POINTS = 4000;

/** Ready packs: what they were, and what they may become, with how likely it is that none is left. */
export function ForecastPanel({ summary, forecast }: { summary: Station; forecast: Forecast | undefined }) {
  const trace = useReadyTrace(summary);
  const zone = useLive((live) => live.health?.timezone);
  const now = useLive((live) => (live.now === null ? null : Math.floor(live.now)));
  const expired = forecast !== undefined && now !== null && now > forecast.valid_until;
  return (
    <section className="panel forecast" aria-labelledby="forecast">
      <header>
        <h2 id="forecast">Ready packs: last hour and next two</h2>
        <span className={expired ? "stale value" : ""}>
          {forecast === undefined
            ? "no forecast yet"
            : `forecast made ${span(age(forecast.generated_at, now) ?? 0)} ago${expired ? ", out of date" : ""}`}
        </span>
      </header>
      <FanChart trace={trace.current} forecast={forecast} now={now} slots={summary.slots} zone={zone} past={PAST_S} />
      <ul className="legend" aria-hidden="true">
        <li>
          <i className="history" /> measured
        </li>
        <li>
          <i className="median" /> median
        </li>
        <li>
          <i className="inner" /> 25–75 %
        </li>
        <li>
          <i className="outer" /> 5–95 %
        </li>
      </ul>
      <table className="horizons">
        <thead>
          <tr>
            <th scope="col">Within</th>
            {HORIZONS.map((horizon) => (
              <th key={horizon} scope="col" className="right">
                {Number(horizon) / 60} min
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <tr data-row="stockout">
            <th scope="row">Stockout</th>
            {HORIZONS.map((horizon) => (
              <td key={horizon} className="right">
                <Risk probability={forecast?.stockout_probability[horizon]} old={expired} />
              </td>
            ))}
          </tr>
          <tr data-row="lost">
            <th scope="row">Lost swaps</th>
            {HORIZONS.map((horizon) => (
              <td key={horizon} className="right">
                <span className={expired ? "stale value" : "value"}>
                  {forecast?.lost_swaps[horizon]?.toFixed(1) ?? UNKNOWN}
                </span>
              </td>
            ))}
          </tr>
        </tbody>
      </table>
      <p className="note">{forecast === undefined ? " " : sentence(forecast)}</p>
      {forecast !== undefined && (
        <>
          <Explanation forecast={forecast} station={summary.id} now={now} old={expired} />
          <AsTable forecast={forecast} zone={zone} />
        </>
      )}
    </section>
  );
}

function sentence(forecast: Forecast): string {
  const { p10, p50 } = forecast.time_to_stockout_s;
  const first =
    p50 !== null
      ? `Half of the futures run out within ${span(p50)}.`
      : p10 !== null
        ? `One future in ten runs out within ${span(p10)}.`
        : "Fewer than one future in ten runs out within two hours.";
  return `${first} Lost swaps are means over all of them.`;
}

function AsTable({ forecast, zone }: { forecast: Forecast; zone: string | undefined }) {
  const { ready } = forecast;
  const every = 900;
  const rows = ready.t.flatMap((time, i) =>
    i === 0 || Math.floor((time - forecast.generated_at) / every) > Math.floor(((ready.t[i - 1] ?? 0) - forecast.generated_at) / every)
      ? [i]
      : [],
  );
  const bands = ["p05", "p25", "p50", "p75", "p95"] as const;
  return (
    <details>
      <summary>Forecast as a table</summary>
      <table className="numbers">
        <thead>
          <tr>
            <th scope="col">Time</th>
            {["5 %", "25 %", "Median", "75 %", "95 %"].map((name) => (
              <th key={name} scope="col" className="right">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((i) => (
            <tr key={i}>
              <th scope="row">{clockTime(ready.t[i] ?? 0, zone, false)}</th>
              {bands.map((band) => (
                <td key={band} className="right">
                  {ready[band][i]?.toFixed(0)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

/** The measured ready packs of the last hour: from the store after every (re)connection, then as they come. */
function useReadyTrace(summary: Station): { current: Trace } {
  const trace = useRef(new Trace(POINTS));
  const [, arrived] = useState(0);
  const { id, ready, ready_quality: quality, data_time: time } = summary;
  const connections = useLive((live) => live.connections);
  useEffect(() => {
    const abort = new AbortController();
    getJson<History>(`/api/v1/stations/${encodeURIComponent(id)}/history?signal=ready`, abort.signal).then(
      (history) => {
        trace.current = fromHistory(history, POINTS);
        arrived((n) => n + 1);
      },
      (error: unknown) => {
        if (!abort.signal.aborted) console.warn("the last hour is not known:", error);
      },
    );
    return () => abort.abort();
  }, [id, connections]);
  if (time !== null) trace.current.add(time, ready === null || quality !== "good" ? NaN : ready);
  return trace;
}
