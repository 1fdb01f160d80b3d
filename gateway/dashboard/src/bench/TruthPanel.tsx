import { useState } from "react";
import { useTranslation } from "react-i18next";
import { decimal, percent, UNKNOWN } from "../i18n/format";
import { useLive } from "../state/live";
import { setParameter, useParameter } from "../state/route";
import type { Slot, Station } from "../state/types";
import { useTopics } from "../state/useTopics";
import { CsvButton } from "../ui/CsvButton";
import { drawnAs, QualityMark, Value } from "../ui/Value";
import { compared, type Row, type Truth } from "./difference";
import { usePolled } from "./usePolled";

const EVERY_MS = 2000;
const COLUMNS = ["slot", "occupied", "occupied_shown", "soc", "soc_shown", "soc_twin", "quality"];

/** Ground truth beside the gateway's picture of one station. */
export function TruthPanel() {
  const { t } = useTranslation("bench");
  const stations = useLive((live) => live.topics["stations"]);
  const ids = Object.keys(stations ?? {}).sort();
  const asked = useParameter("station");
  const station = asked !== null && ids.includes(asked) ? asked : ids[0];
  if (station === undefined) return null;
  return (
    <section className="panel wide truth">
      <header>
        <h2>{t("truth.title")}</h2>
        <label>
          {t("truth.station")}{" "}
          <select value={station} onChange={(event) => setParameter("station", event.target.value)}>
            {ids.map((id) => (
              <option key={id} value={id}>
                {id} {String(stations?.[id]?.["name"] ?? "")}
              </option>
            ))}
          </select>
        </label>
      </header>
      <Compared key={station} station={station} />
    </section>
  );
}

function Compared({ station }: { station: string }) {
  const { t } = useTranslation("bench");
  const { value: truth, failure } = usePolled<Truth>(`/api/v1/emulator/truth/${encodeURIComponent(station)}`, EVERY_MS);
  const [keyed] = useTopics(`station/${station}`);
  const [only, setOnly] = useState(false);
  if (failure !== null) return <p role="alert">{t("truth.failed", { message: failure })}</p>;
  if (truth === undefined || keyed === undefined) return <p className="empty">…</p>;
  const summary = keyed["station"] as unknown as Station | undefined;
  const slots = Object.entries(keyed)
    .filter(([key]) => key.startsWith("slot/"))
    .map(([, slot]) => slot as unknown as Slot);
  const rows = compared(truth, slots);
  const differing = rows.filter((row) => row.differs);
  return (
    <>
      <dl className="figures">
        <div className={summary?.ready != null && summary.ready !== truth.ready ? "abnormal" : ""}>
          <dt>{t("truth.ready")}</dt>
          <dd>
            {truth.ready} /{" "}
            <Value
              text={String(summary?.ready)}
              as={drawnAs(summary?.ready != null, summary?.ready_quality ?? "bad", summary?.ready_reason ?? null)}
            />
          </dd>
        </div>
        <Figure name={t("truth.queue")} value={truth.queue} />
        <Figure name={t("truth.swaps")} value={truth.swaps} />
        <Figure name={t("truth.lost")} value={truth.lost} />
      </dl>
      <div className="listactions">
        <label className="choice">
          <input type="checkbox" checked={only} onChange={(event) => setOnly(event.target.checked)} />
          {t("truth.only")}
        </label>
        <span>{differing.length === 0 ? t("truth.same") : t("truth.differ", { count: differing.length })}</span>
        <CsvButton
          name={`truth-${station}`}
          what={t("truth.title")}
          columns={COLUMNS.map((name) => ({ name }))}
          rows={() =>
            rows.map((row) => [
              row.slot,
              row.occupied,
              row.shown?.occupied,
              row.soc,
              row.shown?.soc,
              row.shown?.twin?.soc,
              row.shown?.quality,
            ])
          }
        />
      </div>
      <div className="scroll" tabIndex={0} role="region" aria-label={t("truth.title")}>
        <table>
          <caption className="said">{t("truth.caption", { station })}</caption>
          <thead>
            <tr>
              {(["slot", "isIn", "shownIn", "soc", "shown", "twin", "difference", "data"] as const).map((column) => (
                <th key={column} scope="col" className={column === "slot" || column === "data" ? "" : "right"}>
                  {t(`truth.${column}`)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {(only ? differing : rows).map((row) => (
              <Line key={row.slot} row={row} />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function Figure({ name, value }: { name: string; value: number }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** A difference of shares in percent, with its sign unless it is rounded to nothing. */
function signed(share: number): string {
  const tenths = Math.round(share * 1000) / 10;
  return `${tenths > 0 ? "+" : ""}${decimal(tenths === 0 ? 0 : tenths, 1)} %`;
}

function Line({ row }: { row: Row }) {
  const { t } = useTranslation("bench");
  const { shown } = row;
  const yes = (value: boolean | null | undefined) => (value == null ? UNKNOWN : t(value ? "truth.yes" : "truth.no"));
  const soc = shown?.not_good["soc"] ?? "";
  const as = shown?.soc == null ? "unknown" : soc.endsWith("substituted") ? "estimated" : soc === "" ? "live" : "stale";
  return (
    <tr data-differs={row.differs}>
      <th scope="row">{row.slot}</th>
      <td className="right">{yes(row.occupied)}</td>
      <td className="right">{yes(shown?.occupied)}</td>
      <td className="right">{percent(row.soc)}</td>
      <td className="right">
        <Value text={percent(shown?.soc)} as={as} />
      </td>
      <td className="right">{percent(shown?.twin?.soc)}</td>
      <td className={`right difference${row.differs ? " abnormal" : ""}`}>
        {row.differs && <span className="value">{t("truth.differs")}</span>}{" "}
        {row.difference === null ? UNKNOWN : signed(row.difference)}
      </td>
      <td>{shown && <QualityMark quality={shown.quality} reason={shown.reason} time={shown.data_time} />}</td>
    </tr>
  );
}
