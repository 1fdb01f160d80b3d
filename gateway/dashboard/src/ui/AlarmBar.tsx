import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { useAlarms } from "../alarms/useAlarms";
import { useAlarmTitle } from "../alarms/text";
import { OrderDialogs } from "../alarms/OrderDialogs";
import { Announcer } from "../state/announcer";
import { counts, mostUrgent, stands, type Alarm, type Priority } from "../state/alarms";
import { follows, hears, useLive } from "../state/live";
import "../alarms/alarmbar.css";
import { Link } from "./Link";
import { PriorityMark } from "./PriorityMark";
import { Age } from "./Value";

const TOPIC = "alarms";
const HALF_BEAT_MS = 625;

/** The alarms in one line on every page: as high when it is empty, so that nothing moves. */
export function AlarmBar() {
  const { t } = useTranslation("alarms");
  useEffect(() => follows([TOPIC]), []);
  const alarms = useAlarms();
  const offline = useLive((live) => live.everLive && live.link.phase !== "live");
  useBlink(!offline && alarms !== undefined && mostUrgent(alarms) !== undefined);
  return (
    <section className="alarmbar" aria-label={t("bar.label")} data-offline={offline}>
      <Link to="/alarms" className="counts">
        {counts(alarms ?? []).map(({ priority, standing, waiting }) => (
          <span key={priority} className={standing === 0 ? "nothing" : ""}>
            <PriorityMark
              priority={priority}
              blink={waiting > 0 && !offline}
              quiet={standing === 0 || offline}
              silent
            />
            <span aria-hidden="true">{alarms === undefined ? "–" : standing}</span>
            <span className="said">
              {alarms !== undefined &&
                t("bar.waiting", { priority: t(`priority.${priority}`), standing, count: waiting })}
            </span>
          </span>
        ))}
        <span className="said">{t("bar.counts")}</span>
      </Link>
      {offline ? <span className="quiet">{t("bar.old")}</span> : <Foremost alarms={alarms} />}
      <Announcements />
      <OrderDialogs />
    </section>
  );
}

/** The beat of all marks that blink, 0.8 a second. An animation of the browser's own would draw 60 frames a second. */
function useBlink(blinks: boolean): void {
  useEffect(() => {
    if (!blinks) return;
    const root = document.documentElement;
    const timer = setInterval(() => {
      root.dataset["blink"] = root.dataset["blink"] === "off" ? "on" : "off";
    }, HALF_BEAT_MS);
    return () => {
      clearInterval(timer);
      delete root.dataset["blink"];
    };
  }, [blinks]);
}

function Foremost({ alarms }: { alarms: Alarm[] | undefined }) {
  const { t } = useTranslation("alarms");
  const title = useAlarmTitle();
  if (alarms === undefined) return <span className="quiet">{t("bar.unknown")}</span>;
  const alarm = mostUrgent(alarms);
  if (alarm === undefined) {
    const standing = alarms.filter(stands).length;
    return <span className="quiet">{standing === 0 ? t("bar.quiet") : t("bar.standing", { count: standing })}</span>;
  }
  return (
    <Link to={`/alarms?alarm=${encodeURIComponent(alarm.id)}`} className="foremost">
      <PriorityMark priority={alarm.priority} blink={alarm.active} quiet={!alarm.active} />
      <span className="station">{alarm.station}</span>
      <b>{title(alarm)}</b>
      <span className="state">{t(`state.${alarm.state}`)}</span>
      <Age time={alarm.since} />
    </Link>
  );
}

/** Says new alarms to those who do not see the page, politely, and a flood of them as one sentence. */
function Announcements() {
  const { t } = useTranslation("alarms");
  const title = useAlarmTitle();
  const [said, say] = useState("");
  useEffect(() => {
    const announcer = new Announcer(
      (count, worst) => {
        const priority = t(`priority.${worst.priority as Priority}`);
        say(t(count === 1 ? "announce.one" : "announce.many", { count, priority, text: worst.text }));
      },
      () => performance.now(),
    );
    const leave = hears(TOPIC, {
      event(event) {
        const { change, alarm } = event as unknown as { change: string; alarm: Alarm };
        if (change !== "raised" || alarm.state !== "unacknowledged") return;
        announcer.raised({
          priority: alarm.priority,
          text: [alarm.station, title(alarm)].filter(Boolean).join(": "),
        });
      },
      missed() {
        // What was missed stands in the snapshot that follows; it is not called new.
      },
    });
    return () => {
      leave();
      announcer.stop();
    };
  }, [t, title]);
  return (
    <div className="said" role="log" aria-live="polite" aria-atomic="true">
      {said}
    </div>
  );
}
