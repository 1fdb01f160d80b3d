import "./slot.css";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { bundled } from "../i18n";
import english from "../i18n/en/slot.json";
import { clockTime, percent } from "../i18n/format";
import { useLive } from "../state/live";
import { usePackStays } from "../state/packStays";
import { useStaysSoc } from "../state/useStaysSoc";
import { partsOf } from "../state/station";
import { useTitle } from "../state/useTitle";
import { useTopics } from "../state/useTopics";
import { useZone } from "../state/zone";
import { zoneLabel } from "../ui/axis";
import { Crumbs } from "../ui/Crumbs";
import { CsvButton } from "../ui/CsvButton";
import { Link } from "../ui/Link";
import { PackStays } from "../ui/PackStays";
import { SlotFigures } from "../ui/SlotFigures";
import { TrendChart, type Line } from "../ui/TrendChart";
import { notGood, table } from "../state/series";

bundled("slot", english);

/** One pack: where it is, and where it has been. */
export default function Pack({ id, packId }: { id: string; packId: string }) {
  const { t } = useTranslation(["slot", "common"]);
  const [keyed] = useTopics(`station/${id}`);
  const { summary, slots } = useMemo(() => partsOf(keyed), [keyed]);
  const here = slots.find((slot) => slot.pack_id === packId);
  const title = t("pack.title", { pack: packId });
  useTitle(title, useLive((live) => live.health?.name));
  const stationPath = `/station/${encodeURIComponent(id)}`;
  return (
    <>
      <Crumbs
        above={[
          { to: "/", name: t("common:nav.network") },
          { to: stationPath, name: summary?.name ?? id },
        ]}
        name={title}
      />
      <div className="head">
        <h1>
          {title}{" "}
          <small>
            {summary === undefined ? (
              t("common:waiting")
            ) : here === undefined ? (
              t("pack.notHere")
            ) : (
              <Link to={`${stationPath}/slot/${here.slot}`}>{t("pack.here", { slot: here.slot })}</Link>
            )}
          </small>
        </h1>
        {here !== undefined && <SlotFigures slot={here} station={stationPath} />}
      </div>
      <SocOverStays pack={packId} />
      <section className="panel" aria-labelledby="stays">
        <PackStays pack={packId} most={null} heading={t("pack.stays")} station={id} />
      </section>
    </>
  );
}

function SocOverStays({ pack }: { pack: string }) {
  const { t } = useTranslation("slot");
  const { zone } = useZone();
  const answer = usePackStays(pack);
  const series = useStaysSoc(answer.state === "here" ? answer.value : []);
  const lines = useMemo<Line[]>(() => [{ kind: "live", name: t("line.live"), series }], [series, t]);
  const from = series.t[0];
  const to = series.t.at(-1);
  if (from === undefined || to === undefined) return null;
  const name = t("pack.socOver");
  const times = { from: clockTime(from, zone, false), to: clockTime(to, zone, false), zone: zoneLabel(to, zone) };
  return (
    <section className="panel packsoc" aria-labelledby="packsoc">
      <header>
        <h2 id="packsoc">{name}</h2>
        <CsvButton
          name={`pack-${pack}-soc`}
          what={name}
          columns={[{ name: "time", time: true }, { name: "soc" }, { name: "quality" }]}
          rows={() => table([series]).map((row) => [row.time, row.values[0], row.quality])}
        />
      </header>
      <TrendChart
        label={t("chart.label", { signal: name, ...times })}
        lines={lines}
        notGood={notGood(series, to)}
        normal={null}
        from={from}
        to={to}
        range={[0, 1]}
        zone={zone}
        height={180}
        text={(value) => percent(value)}
      />
    </section>
  );
}
