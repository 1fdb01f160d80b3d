import { useId, useState } from "react";
import { useTranslation } from "react-i18next";
import { moment, UNKNOWN } from "../i18n/format";
import { useLive } from "../state/live";
import { setParameter, useParameter } from "../state/route";
import { useZone } from "../state/zone";
import { CsvButton } from "../ui/CsvButton";
import { PriorityMark } from "../ui/PriorityMark";
import { valuesOf, type Entry } from "./journal";
import { fieldOf, timeOf } from "./range";
import { useAsked } from "./useAsked";
import { useAlarmTitle } from "./text";

const HOURS = ["1", "8", "24", "168", "720"] as const;
const USUAL = "24";
const OWN = "own";
const LIMIT = 1000;
const COLUMNS = [
  { name: "time", time: true },
  { name: "change" },
  { name: "priority" },
  { name: "station" },
  { name: "alarm" },
  { name: "state" },
  { name: "by" },
  { name: "comment" },
  { name: "value" },
  { name: "id" },
];

/** What happened to alarms in a time, newest first, as the gateway has written it down. */
export function JournalTab() {
  const { t } = useTranslation("alarmpage");
  const { zone } = useZone();
  const title = useAlarmTitle();
  const stations = useLive((live) => live.topics["stations"]);
  const station = useParameter("station") ?? "";
  const range = useParameter("range") ?? USUAL;
  const now = useLive((live) => live.now !== null);
  const [own, setOwn] = useState({ from: "", to: "" });
  const from = timeOf(own.from, zone);
  const to = timeOf(own.to, zone);
  const backwards = range === OWN && from !== null && to !== null && from >= to;
  const address = () => {
    const end = useLive.getState().now ?? 0;
    const query = new URLSearchParams({ limit: String(LIMIT) });
    if (range === OWN) {
      if (from !== null) query.set("from", String(from));
      if (to !== null) query.set("to", String(to));
    } else {
      query.set("from", String(Math.floor(end - Number(range) * 3600)));
    }
    if (station !== "") query.set("station", station);
    return `/api/v1/alarms/journal?${query}`;
  };
  const asks = now && !backwards;
  const { value: entries, failure } = useAsked<Entry[]>(asks ? address : null, `${asks}|${range}|${from}|${to}|${station}`);
  const titled = (entry: Entry) =>
    title({
      text_key: entry.condition,
      text_values: valuesOf(entry.id),
      title: entry.condition.replaceAll("_", " "),
    });
  const choose = (chosen: string) => {
    const end = useLive.getState().now;
    if (chosen === OWN && end !== null) setOwn({ from: fieldOf(end - 86_400, zone), to: fieldOf(end, zone) });
    setParameter("range", chosen);
  };
  return (
    <section className="panel list">
      <search className="filter" aria-label={t("filter.label")}>
        <Choice label={t("journal.range")} value={range} choose={choose}>
          {HOURS.map((hours) => (
            <option key={hours} value={hours}>
              {Number(hours) <= 24
                ? t("journal.hours", { count: Number(hours) })
                : t("journal.days", { count: Number(hours) / 24 })}
            </option>
          ))}
          <option value={OWN}>{t("journal.own")}</option>
        </Choice>
        {range === OWN &&
          (["from", "to"] as const).map((end) => (
            <label key={end}>
              <span>{t(`journal.${end}`)}</span>
              <input
                type="datetime-local"
                value={own[end]}
                onChange={(event) => setOwn({ ...own, [end]: event.target.value })}
              />
            </label>
          ))}
        <Choice label={t("filter.station")} value={station} choose={(chosen) => setParameter("station", chosen)}>
          <option value="">{t("filter.all")}</option>
          {Object.keys(stations ?? {})
            .sort()
            .map((id) => (
              <option key={id}>{id}</option>
            ))}
        </Choice>
      </search>
      <div className="listactions">
        <CsvButton
          name="alarm-journal"
          what={t("tab.journal")}
          columns={COLUMNS}
          rows={() =>
            (entries ?? []).map((entry) => [
              entry.time,
              entry.change,
              entry.priority,
              entry.station,
              titled(entry),
              entry.state,
              entry.by,
              entry.comment,
              entry.value,
              entry.id,
            ])
          }
        />
      </div>
      {backwards && <p role="alert">{t("journal.backwards")}</p>}
      {failure !== null && <p role="alert">{t("journal.failed", { message: failure })}</p>}
      <table className="alarms journal" role="table">
        <caption>{t("captionJournal")}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {(["time", "priority", "change", "station", "text", "by", "comment"] as const).map((column) => (
              <th key={column} role="columnheader" scope="col" className={column}>
                {t(`column.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {entries?.map((entry) => (
            <tr key={entry.seq} role="row" data-change={entry.change}>
              <td role="cell" className="time">
                {moment(entry.time, zone)}
              </td>
              <td role="cell" className="priority">
                <PriorityMark priority={entry.priority} quiet />
              </td>
              <td role="cell" className="change">
                {t(`change.${entry.change}`)}
              </td>
              <td role="cell" className="station">
                {entry.station ?? UNKNOWN}
              </td>
              <th role="rowheader" scope="row" className="text">
                {titled(entry)}
              </th>
              <td role="cell" className="by">
                {entry.by ?? ""}
              </td>
              <td role="cell" className="comment">
                {entry.comment ?? ""}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {entries?.length === 0 && <p className="empty">{t("noneJournal")}</p>}
      {entries?.length === LIMIT && (
        <p className="note">
          {t("journal.limit", { count: LIMIT })}{" "}
          <a href={address().replace(`limit=${LIMIT}`, "format=csv")} download>
            {t("journal.csv")}
          </a>
        </p>
      )}
    </section>
  );
}

export function Choice({ label, value, choose, children }: {
  label: string;
  value: string;
  choose(value: string): void;
  children: React.ReactNode;
}) {
  const id = useId();
  return (
    <label htmlFor={id}>
      <span>{label}</span>
      <select id={id} value={value} onChange={(event) => choose(event.target.value)}>
        {children}
      </select>
    </label>
  );
}
