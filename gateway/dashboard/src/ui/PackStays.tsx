import { useTranslation } from "react-i18next";
import { fixed, moment, percent } from "../i18n/format";
import { usePackStays } from "../state/packStays";
import type { Station } from "../state/types";
import { useTopics } from "../state/useTopics";
import { useZone } from "../state/zone";
import { CsvButton } from "./CsvButton";
import { Link } from "./Link";
import { Table } from "./Table";

/** The slots in which a pack has been, newest first. */
export function PackStays(props: { pack: string; most: number | null; heading: string; station: string }) {
  const { pack, most, heading, station } = props;
  const { t } = useTranslation("slot");
  const { zone } = useZone();
  const answer = usePackStays(pack);
  const [known] = useTopics("stations");
  const nameOf = (id: string) => (known?.[id] as Station | undefined)?.name ?? id;
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
          <Table
            className="stays"
            columns={[
              [t("pack.from"), (stay) => moment(stay.from, zone)],
              [t("pack.to"), (stay) => (stay.to === null ? t("pack.still") : moment(stay.to, zone))],
              [
                t("pack.place"),
                (stay) => (
                  <Link to={`/station/${encodeURIComponent(stay.station)}/slot/${stay.slot}`}>
                    {t("pack.placeText", { station: nameOf(stay.station), slot: stay.slot })}
                  </Link>
                ),
              ],
              [t("pack.socFirst"), (stay) => percent(stay.soc_first), "right"],
              [t("pack.socLast"), (stay) => percent(stay.soc_last), "right"],
              [t("pack.hottest"), (stay) => fixed(stay.temperature_max_c, 1, "°C"), "right"],
            ]}
            rows={stays}
            keyOf={(stay) => `${stay.from} ${stay.station} ${stay.slot}`}
          />
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
