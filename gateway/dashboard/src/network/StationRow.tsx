import { memo } from "react";
import { useTranslation } from "react-i18next";
import { count, roughly } from "../i18n/format";
import { useLive } from "../state/live";
import { FORECAST_LIFE_S } from "../state/rank";
import { HORIZONS, type Station } from "../state/types";
import { Link } from "../ui/Link";
import { Power } from "../ui/Power";
import { Risk } from "../ui/Risk";
import { Age, drawnAs, QualityMark, Value } from "../ui/Value";

/** One station of the list; `index` counts from 0 over all stations, drawn or not. */
export const StationRow = memo(function StationRow({ station, index }: { station: Station; index: number }) {
  const { t } = useTranslation("network");
  const old = useLive(
    (live) => live.now !== null && station.forecast_time !== null && live.now - station.forecast_time > FORECAST_LIFE_S,
  );
  const ready = drawnAs(station.ready !== null, station.ready_quality, station.ready_reason);
  const counted = (value: number | null) => drawnAs(value !== null, station.ready_quality, station.ready_reason);
  return (
    <tr role="row" data-row="" data-station={station.id} aria-rowindex={index + 2}>
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
