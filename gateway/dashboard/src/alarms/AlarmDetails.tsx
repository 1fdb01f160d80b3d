import { useTranslation } from "react-i18next";
import { PriorityMark } from "../ui/PriorityMark";
import { decimal, moment, percent, roughly, span, UNKNOWN } from "../i18n/format";
import { stands, waits, type Alarm } from "../state/alarms";
import { give } from "../state/alarmOrders";
import { useLive } from "../state/live";
import { useZone } from "../state/zone";
import { Link } from "../ui/Link";
import type { Asked } from "./OrderForms";
import { useAlarmAdvice, useAlarmTitle } from "./text";

/** One alarm: what to do comes first, then why, and how it came so far. */
export function AlarmDetails({ alarm, ask, close }: { alarm: Alarm; ask(asked: Asked): void; close(): void }) {
  const { t } = useTranslation(["alarmpage", "alarms"]);
  const title = useAlarmTitle();
  const advice = useAlarmAdvice();
  const zone = useZone();
  const at = (time: number | null) => (time === null ? UNKNOWN : moment(time, zone.zone));
  const rows: [string, string][] = [
    [t("column.state"), t(`alarms:state.${alarm.state}`)],
    [t("details.since"), at(alarm.since)],
    [t("details.returned"), alarm.active ? t("details.holds") : at(alarm.returned_at)],
  ];
  if (alarm.acked_at !== null) {
    rows.push([t("details.acked"), t("details.ackedBy", { time: at(alarm.acked_at), by: alarm.acked_by ?? UNKNOWN })]);
  }
  if (alarm.shelved_until !== null) {
    const by = alarm.shelved_by ?? UNKNOWN;
    rows.push([t("details.shelved"), t("details.ackedBy", { time: at(alarm.shelved_until), by })]);
  }
  if (alarm.reason) rows.push([t("column.reason"), alarm.reason]);
  if (alarm.value !== null) {
    rows.push([t("details.value"), [alarm.value, alarm.limit].map((n) => quantity(n, alarm.unit)).join(" / ")]);
  }
  rows.push([t("details.source"), alarm.source]);
  return (
    <section className="panel alarmdetails" aria-label={t("details.label")}>
      <header>
        <h2>
          <PriorityMark priority={alarm.priority} quiet={!alarm.active} /> {title(alarm)}
        </h2>
        <button type="button" className="plain" onClick={close}>
          {t("act.close")}
        </button>
      </header>
      <p className="todo">
        <strong>{t("details.action")}</strong>
        {advice(alarm, "action")}
      </p>
      <Actions alarm={alarm} ask={ask} />
      <dl>
        <dt>{t("details.respond")}</dt>
        <dd>
          <Respond alarm={alarm} />
        </dd>
        <dt>{t("details.consequence")}</dt>
        <dd>{advice(alarm, "consequence")}</dd>
        <dt>{t("details.cause")}</dt>
        <dd>{advice(alarm, "cause")}</dd>
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {alarm.station !== null && (
        <p className="links">
          <Link to={`/station/${encodeURIComponent(alarm.station)}`}>{t("details.toStation")}</Link>
        </p>
      )}
    </section>
  );
}

function Actions({ alarm, ask }: { alarm: Alarm; ask(asked: Asked): void }) {
  const { t } = useTranslation(["alarmpage", "alarms"]);
  return (
    <div className="actions">
      {waits(alarm) && (
        <button type="button" className="button main" onClick={() => give({ kind: "acknowledge", ids: [alarm.id] })}>
          {t("alarms:act.acknowledge")}
        </button>
      )}
      {stands(alarm) && (
        <button type="button" className="button" onClick={() => ask({ kind: "shelve", alarm })}>
          {t("act.shelve")}
        </button>
      )}
      {alarm.state === "shelved" && (
        <button type="button" className="button" onClick={() => give({ kind: "unshelve", id: alarm.id })}>
          {t("act.unshelve")}
        </button>
      )}
      {alarm.state === "out_of_service" ? (
        <button type="button" className="button" onClick={() => give({ kind: "in_service", id: alarm.id })}>
          {t("act.inService")}
        </button>
      ) : (
        <button type="button" className="button" onClick={() => ask({ kind: "out_of_service", alarm })}>
          {t("act.outOfService")}
        </button>
      )}
    </div>
  );
}

function Respond({ alarm }: { alarm: Alarm }) {
  const { t } = useTranslation(["alarmpage", "alarms"]);
  const left = useLive((live) =>
    live.now === null || alarm.respond_s === null || alarm.since === null
      ? null
      : Math.floor(alarm.since + alarm.respond_s - live.now),
  );
  if (alarm.respond_s === null) return UNKNOWN;
  const whole = roughly(alarm.respond_s);
  if (left === null || !alarm.active) return whole;
  return left >= 0
    ? t("details.respondLeft", { span: whole, left: span(left) })
    : t("details.respondOver", { span: whole, over: span(-left) });
}

const UNITS: Readonly<Record<string, string>> = { C: "°C" };

/** A value in its unit; a share (unit "1") as percent. */
export function quantity(value: number | null, unit: string | null): string {
  if (value === null) return UNKNOWN;
  if (unit === "1") return percent(value);
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return `${decimal(value, digits)} ${UNITS[unit ?? ""] ?? unit ?? ""}`.trim();
}
