import { useTranslation } from "react-i18next";
import { fixed, moment, percent } from "../i18n/format";
import { usePackStays } from "../state/packStays";
import { useZone } from "../state/zone";
import { CsvButton } from "./CsvButton";
import { Link } from "./Link";

/** The slots in which a pack has been, newest first. */
export function PackStays(props: { pack: string; most: number | null; heading: string; station: string }) {
  const { pack, most, heading, station } = props;
  const { t } = useTranslation("slot");
  const { zone } = useZone();
  const answer = usePackStays(pack);
  const all = answer.state === "here" ? answer.value : [];
  const stays = most === null ? all : all.slice(0, most);
  return (
    <>
      <header>
        <h2 id="stays">{heading}</h2>
        {stays.length > 0 && (
          <CsvButton
            name={`pack-${pack}`}
            what={heading}
            columns={[
              { name: "from", time: true },
              { name: "to", time: true },
              { name: "station" },
              { name: "slot" },
              { name: "soc_first" },
              { name: "soc_last" },
              { name: "temperature_max_c" },
            ]}
            rows={() =>
              all.map((stay) => [
                stay.from,
                stay.to,
                stay.station,
                stay.slot,
                stay.soc_first,
                stay.soc_last,
                stay.temperature_max_c,
              ])
            }
          />
        )}
      </header>
      {answer.state === "failed" && <p className="empty">{t("pack.failed")}</p>}
      {answer.state === "here" && all.length === 0 && <p className="empty">{t("pack.none")}</p>}
      {stays.length > 0 && (
        <div className="scroll" tabIndex={0} role="group" aria-labelledby="stays">
          <table className="stays">
            <thead>
              <tr>
                <th scope="col">{t("pack.from")}</th>
                <th scope="col">{t("pack.to")}</th>
                <th scope="col">{t("pack.place")}</th>
                <th scope="col" className="right">
                  {t("pack.socFirst")}
                </th>
                <th scope="col" className="right">
                  {t("pack.socLast")}
                </th>
                <th scope="col" className="right">
                  {t("pack.hottest")}
                </th>
              </tr>
            </thead>
            <tbody>
              {stays.map((stay) => (
                <tr key={`${stay.from} ${stay.station} ${stay.slot}`}>
                  <th scope="row">{moment(stay.from, zone)}</th>
                  <td>{stay.to === null ? t("pack.still") : moment(stay.to, zone)}</td>
                  <td>
                    <Link to={`/station/${encodeURIComponent(stay.station)}/slot/${stay.slot}`}>
                      {t("pack.placeText", { station: stay.station, slot: stay.slot })}
                    </Link>
                  </td>
                  <td className="right">{percent(stay.soc_first)}</td>
                  <td className="right">{percent(stay.soc_last)}</td>
                  <td className="right">{fixed(stay.temperature_max_c, 1, "°C")}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {most !== null && all.length > 0 && (
        <p className="note">
          <Link to={`/station/${encodeURIComponent(station)}/pack/${encodeURIComponent(pack)}`}>{t("pack.allSlots")}</Link>
        </p>
      )}
    </>
  );
}
