import { type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { count, decimal, kilowatts, UNKNOWN } from "../i18n/format";
import type { Station } from "../state/types";
import type { Keyed } from "../stream/protocol";
import { Value } from "../ui/Value";

const AWAY = "no_communication";

/** What the whole network comes to. A sum over stations of which one is not known says so. */
export function Figures({ stations, devices }: { stations: readonly Station[]; devices: Keyed | undefined }) {
  const { t } = useTranslation("network");
  const sum = (pick: (station: Station) => number | null | undefined) =>
    stations.reduce((total, station) => total + (pick(station) ?? 0), 0);
  const known = (pick: (station: Station) => number | null | undefined) =>
    stations.filter((station) => pick(station) != null).length;
  const estimated = stations.some((station) => station.ready_quality !== "good");
  const unknown = stations.length - known((s) => s.power_w);
  const away = devices && Object.values(devices).filter((device) => device["state"] === AWAY).length;
  const notGood = stations.filter((station) => station.quality !== "good").length;
  const lost = sum((s) => s.lost_today);
  return (
    <dl className="figures">
      <Figure name={t("stations")}>{count(stations.length)}</Figure>
      <Figure name={t("readyPacks")}>
        <Value text={count(sum((s) => s.ready))} as={estimated ? "estimated" : "live"} />{" "}
        <small>{t("of", { count: sum((s) => s.slots) })}</small>
      </Figure>
      <Figure name={t("swapsToday")}>{known((s) => s.swaps_today) === 0 ? UNKNOWN : count(sum((s) => s.swaps_today))}</Figure>
      <Figure name={t("lostToday")}>
        {known((s) => s.lost_today) === 0 ? (
          UNKNOWN
        ) : (
          // Nobody counts riders who leave: beyond none at all it is what the twin makes of the stockouts.
          <Value text={decimal(lost, lost < 10 && lost > 0 ? 1 : 0)} as={lost === 0 ? "live" : "estimated"} />
        )}
      </Figure>
      <Figure name={unknown === 0 ? t("powerLimit") : t("powerUnknown", { count: unknown })}>
        {kilowatts(sum((s) => s.power_w))} <small>/ {kilowatts(sum((s) => s.grid_limit_w))} kW</small>
      </Figure>
      <Figure name={t("devicesAway")} abnormal={away !== undefined && away > 0}>
        <Value text={count(away)} as={away === undefined ? "unknown" : "live"} />
      </Figure>
      <Figure name={t("notGood")} abnormal={notGood > 0}>
        <Value text={count(notGood)} as="live" />
      </Figure>
    </dl>
  );
}

function Figure({ name, abnormal, children }: { name: string; abnormal?: boolean; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd {...(abnormal && { className: "abnormal" })}>{children}</dd>
    </div>
  );
}
