import { memo, useMemo, type ReactNode } from "react";
import { useLive } from "../state/live";
import { worstFirst } from "../state/rank";
import { HORIZONS, type Station } from "../state/types";
import { useTitle } from "../state/useTitle";
import { useTopics } from "../state/useTopics";
import { kilowatts, UNKNOWN } from "../ui/format";
import { Link } from "../ui/Link";
import { Risk } from "../ui/Risk";
import { Age, drawnAs, QualityMark, Value } from "../ui/Value";

const TOPICS = ["stations"];
/** A forecast whose first horizon has passed says nothing about the next quarter of an hour. */
export const FORECAST_LIFE_S = 900;

export function Network() {
  const [keyed] = useTopics(...TOPICS);
  const site = useLive((live) => live.health?.name);
  useTitle("Network", site);
  const stations = useMemo(
    () => (keyed === undefined ? undefined : (Object.values(keyed) as unknown as Station[]).sort(worstFirst)),
    [keyed],
  );
  return (
    <>
      <div className="head">
        <h1>Network</h1>
        <Figures stations={stations ?? []} />
      </div>
      <section className="panel">
        <table className="stations" role="table">
          <caption>Stations, worst first</caption>
          <thead role="rowgroup">
            <tr role="row">
              <th role="columnheader" scope="col">Station</th>
              <th role="columnheader" scope="col" className="right">Ready</th>
              <th role="columnheader" scope="col" className="right">Charging</th>
              <th role="columnheader" scope="col" className="right">Faulted</th>
              {HORIZONS.map((horizon) => (
                <th key={horizon} role="columnheader" scope="col" className="right">
                  Stockout in <span className="number">{Number(horizon) / 60} min</span>
                </th>
              ))}
              <th role="columnheader" scope="col" className="right">Power / limit</th>
              <th role="columnheader" scope="col" className="right">Age</th>
              <th role="columnheader" scope="col">Data</th>
            </tr>
          </thead>
          <tbody role="rowgroup">
            {stations?.map((station) => <Row key={station.id} station={station} />)}
          </tbody>
        </table>
        {stations === undefined && <p className="empty">Waiting for the first data …</p>}
        {stations?.length === 0 && <p className="empty">The site file names no station.</p>}
      </section>
    </>
  );
}

function Figures({ stations }: { stations: readonly Station[] }) {
  const sum = (pick: (station: Station) => number | null) =>
    stations.reduce((total, station) => total + (pick(station) ?? 0), 0);
  const unknown = stations.filter((station) => station.power_w === null).length;
  const estimated = stations.some((station) => station.ready_quality !== "good");
  const notGood = stations.filter((station) => station.quality !== "good").length;
  return (
    <dl className="figures">
      <Figure name="Stations">{stations.length}</Figure>
      <Figure name="Ready packs">
        <Value text={String(sum((s) => s.ready))} as={estimated ? "estimated" : "live"} />{" "}
        <small>of {sum((s) => s.slots)}</small>
      </Figure>
      <Figure name={unknown === 0 ? "Power / limit" : `Power / limit (${unknown} unknown)`}>
        {kilowatts(sum((s) => s.power_w))} <small>/ {kilowatts(sum((s) => s.grid_limit_w))} kW</small>
      </Figure>
      <Figure name="Data not good">{notGood}</Figure>
    </dl>
  );
}

function Figure({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

const Row = memo(function Row({ station }: { station: Station }) {
  const old = useLive(
    (live) => live.now !== null && station.forecast_time !== null && live.now - station.forecast_time > FORECAST_LIFE_S,
  );
  const ready = drawnAs(station.ready !== null, station.ready_quality, station.ready_reason);
  const counted = (count: number | null) => drawnAs(count !== null, station.ready_quality, station.ready_reason);
  return (
    <tr role="row" data-station={station.id}>
      <th role="rowheader" scope="row" className="name">
        <Link to={`/station/${encodeURIComponent(station.id)}`}>{station.name}</Link> <small>{station.id}</small>
      </th>
      <td role="cell" className="right ready" data-label="Ready">
        <Value text={String(station.ready)} as={ready} /> <small>of {station.slots}</small>
      </td>
      <td role="cell" className="right" data-label="Charging">
        <Value text={String(station.charging)} as={counted(station.charging)} />
      </td>
      <td role="cell" className={`right${station.faulted ? " abnormal" : ""}`} data-label="Faulted">
        <Value text={String(station.faulted)} as={counted(station.faulted)} />
      </td>
      {HORIZONS.map((horizon) => (
        <td key={horizon} role="cell" className="right" data-label={`Stockout\n${Number(horizon) / 60} min`}>
          <Risk probability={station.stockout_probability?.[horizon]} old={old} />
        </td>
      ))}
      <td role="cell" className="right" data-label="Power">
        <Power station={station} />
      </td>
      <td role="cell" className="right" data-label="Age">
        <Age time={station.data_time} />
      </td>
      <td role="cell" data-label="Data">
        <QualityMark quality={station.quality} reason={station.reason} time={station.data_time} />
      </td>
    </tr>
  );
});

export function Power({ station }: { station: Station }) {
  const { power_w: power, grid_limit_w: limit } = station;
  const as = drawnAs(power !== null, station.power_quality ?? "good", null);
  return (
    <span className="power">
      <span className="number">
        <Value text={kilowatts(power)} as={as} /> <small>/ {limit === null ? UNKNOWN : kilowatts(limit)} kW</small>
      </span>
      <span className="bar" aria-hidden="true">
        <span style={{ width: `${limit ? Math.min(100, ((power ?? 0) / limit) * 100) : 0}%` }} />
      </span>
    </span>
  );
}
