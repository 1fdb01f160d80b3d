import { useTranslation } from "react-i18next";
import { moment, span, UNKNOWN } from "../i18n/format";
import { give } from "../state/alarmOrders";
import { ASIDE, type Alarm } from "../state/alarms";
import { useLive } from "../state/live";
import { useZone } from "../state/zone";
import { CsvButton } from "../ui/CsvButton";
import { Link } from "../ui/Link";
import { PriorityMark } from "../ui/PriorityMark";
import { useAlarmTitle } from "./text";

const COLUMNS = [
  { name: "priority" },
  { name: "state" },
  { name: "station" },
  { name: "alarm" },
  { name: "shelved_until", time: true },
  { name: "by" },
  { name: "reason" },
  { name: "id" },
];

/** Alarms that were put aside: shelved for a time, suppressed by design, out of service. */
export function AsideTab({ alarms }: { alarms: Alarm[] }) {
  const { t } = useTranslation(["alarmpage", "alarms"]);
  const title = useAlarmTitle();
  const aside = alarms
    .filter((alarm) => ASIDE.includes(alarm.state))
    .sort((a, b) => (a.shelved_until ?? Infinity) - (b.shelved_until ?? Infinity) || (a.id < b.id ? -1 : 1));
  return (
    <section className="panel list">
      <div className="listactions">
        <CsvButton
          name="alarms-aside"
          what={t("tab.shelved")}
          columns={COLUMNS}
          rows={() =>
            aside.map((alarm) => [
              alarm.priority,
              alarm.state,
              alarm.station,
              title(alarm),
              alarm.shelved_until,
              alarm.shelved_by,
              alarm.reason,
              alarm.id,
            ])
          }
        />
      </div>
      <table className="alarms aside" role="table">
        <caption>{t("captionShelved")}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {(["priority", "state", "station", "text", "until", "by", "reason"] as const).map((column) => (
              <th key={column} role="columnheader" scope="col" className={column}>
                {t(`column.${column}`)}
              </th>
            ))}
            <th role="columnheader" scope="col" className="do">
              <span className="said">{t("act.unshelve")}</span>
            </th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          {aside.map((alarm) => (
            <tr key={alarm.id} role="row" data-alarm={alarm.id} data-state={alarm.state}>
              <td role="cell" className="priority">
                <PriorityMark priority={alarm.priority} quiet />
              </td>
              <td role="cell" className="state">
                {t(`alarms:state.${alarm.state}`)}
              </td>
              <td role="cell" className="station">
                {alarm.station ?? UNKNOWN}
              </td>
              <th role="rowheader" scope="row" className="text">
                <Link to={`/alarms?alarm=${encodeURIComponent(alarm.id)}`}>{title(alarm)}</Link>
              </th>
              <td role="cell" className="until">
                <Until time={alarm.shelved_until} />
              </td>
              <td role="cell" className="by">
                {alarm.shelved_by ?? ""}
              </td>
              <td role="cell" className="reason">
                {alarm.reason ?? ""}
              </td>
              <td role="cell" className="do">
                <Back alarm={alarm} title={title(alarm)} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {aside.length === 0 && <p className="empty">{t("noneShelved")}</p>}
    </section>
  );
}

function Until({ time }: { time: number | null }) {
  const { zone } = useZone();
  const left = useLive((live) => (time === null || live.now === null ? null : Math.max(0, Math.floor(time - live.now))));
  if (time === null) return null;
  return (
    <>
      {moment(time, zone)} {left !== null && <small>({span(left)})</small>}
    </>
  );
}

function Back({ alarm, title }: { alarm: Alarm; title: string }) {
  const { t } = useTranslation(["alarmpage", "alarms"]);
  // What logic has suppressed comes back by itself when its reason is gone.
  if (alarm.state === "suppressed") return null;
  const shelved = alarm.state === "shelved";
  const words = t(shelved ? "act.unshelve" : "act.inService");
  return (
    <button
      type="button"
      className="button"
      aria-label={`${words}: ${alarm.station ?? ""} ${title}`}
      onClick={() => give({ kind: shelved ? "unshelve" : "in_service", id: alarm.id })}
    >
      {words}
    </button>
  );
}
