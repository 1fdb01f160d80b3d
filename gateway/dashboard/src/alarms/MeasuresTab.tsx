import { Fragment, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { clockTime, count, dateAndZone, decimal, moment, percent, roughly, span, UNKNOWN } from "../i18n/format";
import { useLive } from "../state/live";
import { setParameter, useParameter } from "../state/route";
import { useZone } from "../state/zone";
import { zoneLabel } from "../ui/axis";
import { CsvButton } from "../ui/CsvButton";
import { Link } from "../ui/Link";
import { Table } from "../ui/Table";
import { valuesOf } from "./journal";
import { Choice } from "./JournalTab";
import { GUIDE, shares, type Measures } from "./measures";
import { useAlarmTitle } from "./text";
import { useAsked } from "./useAsked";

const HOURS = ["8", "24", "168", "720"] as const;
const USUAL = "24";

/** How good the alarms themselves are: too many, too long, too often, held against guide values. */
export function MeasuresTab() {
  const { t } = useTranslation("alarmpage");
  const hours = useParameter("hours") ?? USUAL;
  const known = useLive((live) => live.now !== null);
  const address = () => `/api/v1/alarms/measures?hours=${hours}`;
  const { value: found, failure } = useAsked<Measures>(known ? address : null, `${known}|${hours}`);
  return (
    <div className="measures">
      <section className="panel">
        <search className="filter">
          <Choice label={t("measures.period")} value={hours} choose={(chosen) => setParameter("hours", chosen)}>
            {HOURS.map((each) => (
              <option key={each} value={each}>
                {Number(each) <= 24
                  ? t("journal.hours", { count: Number(each) })
                  : t("journal.days", { count: Number(each) / 24 })}
              </option>
            ))}
          </Choice>
        </search>
        {failure !== null && <p role="alert">{t("measures.failed", { message: failure })}</p>}
        {found !== undefined && <Figures found={found} />}
        <p className="note">{t("measures.note")}</p>
      </section>
      {found !== undefined && (
        <>
          <PerHour found={found} />
          <Top found={found} />
          <div>
            <Floods found={found} />
            <Listed title={t("measures.chattering")} none={t("measures.noChattering")} name="chattering">
              {found.chattering.map((each) => (
                <Line key={each.id} id={each.id}>
                  {count(each.raised)}
                </Line>
              ))}
            </Listed>
            <Listed title={t("measures.stale")} none={t("measures.noStale")} name="stale">
              {found.stale.map((each) => (
                <Line key={each.id} id={each.id}>
                  <Standing since={each.since} />
                </Line>
              ))}
            </Listed>
          </div>
        </>
      )}
    </div>
  );
}

function Standing({ since }: { since: number }) {
  const now = useLive((live) => live.now);
  return now === null ? UNKNOWN : roughly(now - since);
}

function Figures({ found }: { found: Measures }) {
  const { t } = useTranslation("alarmpage");
  const mix = shares(found.by_priority);
  const { p50, p95 } = found.unacknowledged_s;
  const number = (value: number | null) => (value === null ? UNKNOWN : decimal(value, 1));
  return (
    <dl className="guide">
      <Figure name={t("measures.raised")}>{count(found.raised)}</Figure>
      <Figure
        name={t("measures.perDay")}
        guide={t("measures.guidePerDay")}
        above={(found.per_operator_day ?? 0) > GUIDE.perDay}
      >
        {count(found.per_operator_day)}
      </Figure>
      <Figure
        name={t("measures.average")}
        guide={t("measures.guideAverage")}
        above={(found.average_per_10_min ?? 0) > GUIDE.average}
      >
        {number(found.average_per_10_min)}
      </Figure>
      <Figure name={t("measures.peak")} guide={t("measures.guidePeak")} above={(found.peak_per_10_min ?? 0) > GUIDE.peak}>
        {count(found.peak_per_10_min)}
      </Figure>
      <Figure
        name={t("measures.flood")}
        guide={t("measures.guideFlood")}
        above={(found.flood_share ?? 0) >= GUIDE.floodShare}
      >
        {found.flood_share === null ? UNKNOWN : `${decimal(found.flood_share * 100, 1)} %`}
      </Figure>
      <Figure
        name={t("measures.chattering")}
        guide={t("measures.guideNone")}
        above={found.chattering.length > GUIDE.chattering}
      >
        {count(found.chattering.length)}
      </Figure>
      <Figure name={t("measures.stale")} guide={t("measures.guideStale")} above={found.stale.length > GUIDE.stale}>
        {count(found.stale.length)}
      </Figure>
      <Figure name={t("measures.priorities")} guide={t("measures.guidePriorities")}>
        {mix === null ? UNKNOWN : `${mix.map((share) => Math.round(share * 100)).join(" / ")} %`}
      </Figure>
      <Figure name={t("measures.response")}>
        {p50 === null ? UNKNOWN : roughly(p50)} / {p95 === null ? UNKNOWN : roughly(p95)}
      </Figure>
    </dl>
  );
}

function Figure({ name, guide, above, children }: { name: string; guide?: string; above?: boolean; children: ReactNode }) {
  const { t } = useTranslation("alarmpage");
  return (
    <div data-above={above ?? false}>
      <dt>{name}</dt>
      <dd>
        <b>{children}</b>
        {guide !== undefined && <small>{t("measures.guide", { value: guide })}</small>}
        {above !== undefined && <small className="verdict">{t(above ? "measures.above" : "measures.within")}</small>}
      </dd>
    </div>
  );
}

function PerHour({ found }: { found: Measures }) {
  const { t } = useTranslation("alarmpage");
  const { zone } = useZone();
  const hours = found.per_hour;
  const peak = Math.max(0, ...hours.map((hour) => hour.raised));
  // A round number above the highest bar, so that the scale does not jump with each alarm.
  const top = [5, 10, 15, 20, 30, 50, 100, 200, 500].find((each) => each >= peak) ?? peak;
  const every = Math.max(1, Math.ceil(hours.length / 8));
  const day = hours.length > 48;
  return (
    <section className="panel perhour">
      <header>
        <h2>{t("measures.perHour")}</h2>
        <CsvButton
          name="alarms-per-hour"
          what={t("measures.perHour")}
          columns={[{ name: "time", time: true }, { name: "raised" }]}
          rows={() => hours.map((hour) => [hour.time, hour.raised])}
        />
      </header>
      <div className="bars" role="img" aria-label={t("measures.perHourSum", { count: found.raised, peak })}>
        <span className="top">{top}</span>
        <span className="zero">0</span>
        <div className="columns">
          {hours.map((hour) => (
            <i key={hour.time} style={{ height: `${(hour.raised / top) * 100}%` }} title={`${moment(hour.time, zone)}: ${hour.raised}`} />
          ))}
        </div>
        <div className="axis">
          {hours.map((hour, i) =>
            i % every === 0 ? (
              <span key={hour.time} style={{ left: `${(i / hours.length) * 100}%` }}>
                {day ? dateAndZone(hour.time, zone).date : clockTime(hour.time, zone, false)}
              </span>
            ) : null,
          )}
        </div>
      </div>
      <p className="note">{hours[0] !== undefined && zoneLabel(hours[0].time, zone)}</p>
      <details>
        <summary>{t("measures.table")}</summary>
        <div className="scroll" tabIndex={0} role="region" aria-label={t("measures.perHour")}>
          <Table
            columns={[
              [t("measures.hour"), (hour) => moment(hour.time, zone)],
              [t("column.raised"), (hour) => hour.raised, "right"],
            ]}
            rows={hours}
            keyOf={(hour) => hour.time}
          />
        </div>
      </details>
    </section>
  );
}

function Top({ found }: { found: Measures }) {
  const { t } = useTranslation("alarmpage");
  const titled = useTitled();
  return (
    <section className="panel">
      <header>
        <h2>{t("measures.top")}</h2>
        <CsvButton
          name="alarms-most-frequent"
          what={t("measures.top")}
          columns={["station", "alarm", "raised", "share", "id"].map((name) => ({ name }))}
          rows={() => found.top.map((each) => [each.station, titled(each.id), each.raised, each.share, each.id])}
        />
      </header>
      {found.top.length === 0 ? (
        <p className="empty">{t("measures.noTop")}</p>
      ) : (
        <Table
          className="top10"
          columns={[
            [t("column.text"), (each) => titled(each.id)],
            [t("column.station"), (each) => each.station ?? UNKNOWN],
            [t("column.raised"), (each) => count(each.raised), "right"],
            [t("column.share"), (each) => percent(each.share), "right"],
          ]}
          rows={found.top}
          keyOf={(each) => each.id}
        />
      )}
    </section>
  );
}

function Floods({ found }: { found: Measures }) {
  const { t } = useTranslation("alarmpage");
  const { zone } = useZone();
  return (
    <section className="panel">
      <header>
        <h2>{t("measures.floods")}</h2>
      </header>
      {found.floods.length === 0 ? (
        <p className="empty">{t("measures.noFloods")}</p>
      ) : (
        <Table
          columns={[
            [t("measures.floodFrom"), (flood) => moment(flood.start, zone)],
            [t("measures.floodFor"), (flood) => span(flood.end - flood.start)],
            [t("column.raised"), (flood) => count(flood.raised), "right"],
          ]}
          rows={found.floods}
          keyOf={(flood) => flood.start}
        />
      )}
    </section>
  );
}

function Listed({ title, none, name, children }: { title: string; none: string; name: string; children: ReactNode[] }) {
  return (
    <section className={`panel listed ${name}`}>
      <header>
        <h2>{title}</h2>
      </header>
      {children.length === 0 ? <p className="empty">{none}</p> : <dl>{children}</dl>}
    </section>
  );
}

function Line({ id, children }: { id: string; children: ReactNode }) {
  const titled = useTitled();
  return (
    <Fragment>
      <dt>
        <Link to={`/alarms?alarm=${encodeURIComponent(id)}`}>
          {id.split(".")[0]} {titled(id)}
        </Link>
      </dt>
      <dd>{children}</dd>
    </Fragment>
  );
}

/** An alarm's title from its id alone. */
function useTitled(): (id: string) => string {
  const title = useAlarmTitle();
  return (id) => {
    const condition = id.split(".").at(-1) ?? id;
    return title({ text_key: condition, text_values: valuesOf(id), title: condition.replaceAll("_", " ") });
  };
}
