import { useTranslation } from "react-i18next";
import { useAlarms } from "../alarms/useAlarms";
import { useAlarmTitle } from "../alarms/text";
import { give } from "../state/alarmOrders";
import { stands, urgentFirst, waits } from "../state/alarms";
import { Link } from "./Link";
import { PriorityMark } from "./PriorityMark";
import { Age } from "./Value";

/** What stands at one station, urgent first, with a way to acknowledge it. */
export function StationAlarms({ station }: { station: string }) {
  const { t } = useTranslation("alarms");
  const { t: common } = useTranslation();
  const title = useAlarmTitle();
  const alarms = useAlarms()
    ?.filter((alarm) => alarm.station === station && stands(alarm))
    .sort(urgentFirst);
  return (
    <section className="panel stationalarms">
      <header>
        <h2>{t("station.title")}</h2>
        <Link to="/alarms">{t("station.all")}</Link>
      </header>
      {alarms === undefined ? (
        <p className="empty">{common("waiting")}</p>
      ) : alarms.length === 0 ? (
        <p className="empty">{t("station.none")}</p>
      ) : (
        <ol>
          {alarms.map((alarm) => (
            <li key={alarm.id} data-alarm={alarm.id}>
              <PriorityMark
                priority={alarm.priority}
                blink={alarm.state === "unacknowledged" && alarm.active}
                quiet={!alarm.active}
              />
              <Link to={`/alarms?alarm=${encodeURIComponent(alarm.id)}`}>{title(alarm)}</Link>
              {waits(alarm) ? (
                <button
                  type="button"
                  className="button"
                  aria-label={`${t("act.acknowledge")}: ${title(alarm)}`}
                  onClick={() => give({ kind: "acknowledge", ids: [alarm.id] })}
                >
                  {t("act.acknowledge")}
                </button>
              ) : (
                <span className="state">{t(`state.${alarm.state}`)}</span>
              )}
              <Age time={alarm.since} />
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
