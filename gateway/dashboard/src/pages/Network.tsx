import "./network.css";
import { memo, useMemo, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { useLive } from "../state/live";
import { FORECAST_LIFE_S, worstFirst } from "../state/rank";
import { HORIZONS, type Station } from "../state/types";
import { useTitle } from "../state/useTitle";
import { useTopics } from "../state/useTopics";
import { count, kilowatts, roughly } from "../i18n/format";
import { Link } from "../ui/Link";
import { Power } from "../ui/Power";
import { Risk } from "../ui/Risk";
import { Age, drawnAs, QualityMark, Value } from "../ui/Value";

const TOPICS = ["stations"];

export default function Network() {
  const { t } = useTranslation(["network", "common"]);
  const [keyed] = useTopics(...TOPICS);
  const site = useLive((live) => live.health?.name);
  useTitle(t("title"), site);
  const stations = useMemo(
    () => (keyed === undefined ? undefined : (Object.values(keyed) as unknown as Station[]).sort(worstFirst)),
    [keyed],
  );
  return (
    <>
      <div className="head">
        <h1>{t("title")}</h1>
        <Figures stations={stations ?? []} />
      </div>
      <section className="panel">
        <table className="stations" role="table">
          <caption>{t("caption")}</caption>
          <thead role="rowgroup">
            <tr role="row">
              <th role="columnheader" scope="col">{t("station")}</th>
              <th role="columnheader" scope="col" className="right">{t("ready")}</th>
              <th role="columnheader" scope="col" className="right">{t("charging")}</th>
              <th role="columnheader" scope="col" className="right">{t("faulted")}</th>
              {HORIZONS.map((horizon) => (
                <th key={horizon} role="columnheader" scope="col" className="right">
                  {t("stockoutIn")} <span className="number">{roughly(Number(horizon))}</span>
                </th>
              ))}
              <th role="columnheader" scope="col" className="right">{t("powerLimit")}</th>
              <th role="columnheader" scope="col" className="right">{t("age")}</th>
              <th role="columnheader" scope="col">{t("data")}</th>
            </tr>
          </thead>
          <tbody role="rowgroup">
            {stations?.map((station) => <Row key={station.id} station={station} />)}
          </tbody>
        </table>
        {stations === undefined && <p className="empty">{t("common:waiting")}</p>}
        {stations?.length === 0 && <p className="empty">{t("none")}</p>}
      </section>
    </>
  );
}

function Figures({ stations }: { stations: readonly Station[] }) {
  const { t } = useTranslation("network");
  const sum = (pick: (station: Station) => number | null) =>
    stations.reduce((total, station) => total + (pick(station) ?? 0), 0);
  const unknown = stations.filter((station) => station.power_w === null).length;
  const estimated = stations.some((station) => station.ready_quality !== "good");
  const notGood = stations.filter((station) => station.quality !== "good").length;
  return (
    <dl className="figures">
      <Figure name={t("stations")}>{stations.length}</Figure>
      <Figure name={t("readyPacks")}>
        <Value text={count(sum((s) => s.ready))} as={estimated ? "estimated" : "live"} />{" "}
        <small>{t("of", { count: sum((s) => s.slots) })}</small>
      </Figure>
      <Figure name={unknown === 0 ? t("powerLimit") : t("powerUnknown", { count: unknown })}>
        {kilowatts(sum((s) => s.power_w))} <small>/ {kilowatts(sum((s) => s.grid_limit_w))} kW</small>
      </Figure>
      <Figure name={t("notGood")}>{notGood}</Figure>
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
  const { t } = useTranslation("network");
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
      <td role="cell" className="right ready" data-label={t("ready")}>
        <Value text={count(station.ready)} as={ready} /> <small>{t("of", { count: station.slots })}</small>
      </td>
      <td role="cell" className="right" data-label={t("charging")}>
        <Value text={count(station.charging)} as={counted(station.charging)} />
      </td>
      <td role="cell" className={`right${station.faulted ? " abnormal" : ""}`} data-label={t("faulted")}>
        <Value text={count(station.faulted)} as={counted(station.faulted)} />
      </td>
      {HORIZONS.map((horizon) => (
        <td key={horizon} role="cell" className="right" data-label={`${t("stockout")}\n${roughly(Number(horizon))}`}>
          <Risk probability={station.stockout_probability?.[horizon]} old={old} />
        </td>
      ))}
      <td role="cell" className="right" data-label={t("power")}>
        <Power station={station} />
      </td>
      <td role="cell" className="right" data-label={t("age")}>
        <Age time={station.data_time} />
      </td>
      <td role="cell" data-label={t("data")}>
        <QualityMark quality={station.quality} reason={station.reason} time={station.data_time} />
      </td>
    </tr>
  );
});
