import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { clockTime, percent, UNKNOWN } from "../i18n/format";
import { span, table, type Series } from "../state/series";
import { useAnswer } from "../state/useAnswer";
import { useZone } from "../state/zone";
import { zoneLabel } from "./axis";
import { CsvButton } from "./CsvButton";
import { textOf } from "./signals";
import { TrendChart, type Line } from "./TrendChart";

interface Curve {
  t: readonly number[];
  soc: readonly (number | null)[];
  power_w: readonly (number | null)[];
}
interface Charge {
  slot: number;
  pack_id: string | null;
  since: number | null;
  /** Null while it is under way. */
  until: number | null;
  measured: Curve;
  expected: Curve;
}

const EVERY_MS = 30_000;
const PARTS = ["soc", "power_w"] as const;
/** The minutes that a curve has at least, so that a charge that has just begun can be seen. */
const LEAST_S = 900;

/** The charge that is under way, against what the model expected when it began. */
export function ChargePanel({ station, slot, state }: { station: string; slot: number; state: string | null }) {
  const { t } = useTranslation("slot");
  const { zone } = useZone();
  // Asked for anew when the charger goes over to another state.
  const address = `/api/v1/stations/${encodeURIComponent(station)}/slots/${slot}/charge#${state}`;
  const answer = useAnswer<Charge>(address, EVERY_MS);
  const charge = answer.state === "here" && answer.value.since !== null ? answer.value : null;
  const pack = charge?.pack_id ?? UNKNOWN;
  return (
    <section className="panel charge" aria-labelledby="charge">
      <header>
        <h2 id="charge">{t("charge.title")}</h2>
        {charge !== null && (
          <CsvButton
            name={`${station}-slot-${slot}-charge`}
            what={t("charge.title")}
            columns={["time", "soc", "power_w", "quality", "expected_soc", "expected_power_w"].map((name) => ({
              name,
              time: name === "time",
            }))}
            rows={() =>
              table([
                series(charge.measured, "soc"),
                series(charge.measured, "power_w"),
                series(charge.expected, "soc"),
                series(charge.expected, "power_w"),
              ]).map(({ time, values: [soc, power, expectedSoc, expectedPower], quality }) => [
                time,
                soc,
                power,
                quality,
                expectedSoc,
                expectedPower,
              ])
            }
          />
        )}
      </header>
      {charge !== null && charge.since !== null && (
        <p className="chargenote">
          {charge.until === null
            ? t("charge.since", { pack, time: clockTime(charge.since, zone, false) })
            : t("charge.over", {
                pack,
                from: clockTime(charge.since, zone, false),
                to: clockTime(charge.until, zone, false),
              })}
          {", "}
          <b>{progress(charge, t)}</b>
        </p>
      )}
      {charge === null ? (
        <p className="empty">{answer.state === "waiting" ? "" : t("charge.none")}</p>
      ) : (
        <div className="trends">
          {PARTS.map((part) => (
            <CurveChart key={part} charge={charge} part={part} zone={zone} />
          ))}
        </div>
      )}
    </section>
  );
}

function CurveChart({ charge, part, zone }: { charge: Charge; part: (typeof PARTS)[number]; zone: string | undefined }) {
  const { t } = useTranslation("slot");
  const lines = useMemo<Line[]>(
    () => [
      { kind: "live", name: t("line.live"), series: series(charge.measured, part) },
      { kind: "twin", name: t("line.expected"), series: series(charge.expected, part) },
    ],
    [charge, part, t],
  );
  const ends = [...charge.measured.t, ...charge.expected.t];
  const from = charge.since ?? Math.min(...ends);
  const to = Math.max(from + LEAST_S, ...ends);
  const range = part === "soc" ? ([0, 1] as const) : span(lines.map((line) => line.series.v), [0, null]);
  const name = t(`signal.${part}`);
  return (
    <figure className="trend" data-signal={`charge_${part}`}>
      <figcaption>
        <b>{name}</b>
      </figcaption>
      <TrendChart
        label={[
          t("chart.label", {
            signal: name,
            from: clockTime(from, zone, false),
            to: clockTime(to, zone, false),
            zone: zoneLabel(to, zone),
          }),
          ...lines.map((line) => `${line.name}: ${textOf(part, line.series.v.findLast((v) => v !== null) ?? null, t)}.`),
        ].join(" ")}
        lines={lines}
        notGood={[]}
        normal={null}
        from={from}
        to={to}
        range={range}
        zone={zone}
        text={(value, short) => (short && part === "soc" ? percent(value) : textOf(part, value, t))}
      />
    </figure>
  );
}

function series(curve: Curve, part: (typeof PARTS)[number]): Series {
  return { t: curve.t, v: curve[part], q: curve[part].map((value) => (value === null ? null : "good")) };
}

/** How far the charge is from where it was expected to be by its last measured moment. */
function progress(charge: Charge, t: ReturnType<typeof useTranslation<"slot">>["t"]): string {
  const rows = table([series(charge.measured, "soc"), series(charge.expected, "soc")]);
  const last = charge.measured.t.at(-1);
  const [measured, expected] = rows.find((row) => row.time === last)?.values ?? [];
  if (measured == null || expected == null) return t("charge.asExpected");
  const points = Math.round((measured - expected) * 100);
  if (points === 0) return t("charge.asExpected");
  return points < 0 ? t("charge.behind", { count: -points }) : t("charge.ahead", { count: points });
}
