import "./diagnostics.css";
import { type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { bundled } from "../i18n";
import english from "../i18n/en/diagnostics.json";
import { count, decimal, moment, UNKNOWN } from "../i18n/format";
import type { Device as DeviceFields, Diagnostics } from "../state/diagnostics";
import { useLive } from "../state/live";
import { useAnswer } from "../state/useAnswer";
import { useTitle } from "../state/useTitle";
import { useTopics } from "../state/useTopics";
import { useZone } from "../state/zone";
import { Crumbs } from "../ui/Crumbs";
import { CsvButton } from "../ui/CsvButton";
import { DeviceState } from "../ui/DeviceState";
import { Link } from "../ui/Link";
import { PointsTable } from "../ui/PointsTable";
import { protocolName } from "../ui/protocol";
import { Age, QualityMark } from "../ui/Value";

bundled("diagnostics", english);

const EVERY_MS = 2000;

/** One device, as deep as one can look: its link, what failed, what is asked when, raw values beside scaled ones. */
export default function Device({ deviceId }: { deviceId: string }) {
  const { t } = useTranslation(["diagnostics", "common"]);
  const { zone } = useZone();
  const [keyed] = useTopics("devices");
  const fields = keyed?.[deviceId] as unknown as DeviceFields | undefined;
  // The server takes the rest of the path, slashes and all.
  const address = deviceId.split("/").map(encodeURIComponent).join("/");
  const answer = useAnswer<Diagnostics>(`/api/v1/devices/${address}/diagnostics`, EVERY_MS);
  useTitle(deviceId, useLive((live) => live.health?.name));
  const found = answer.state === "here" ? answer.value : null;
  const state = fields?.state ?? found?.state;
  const since = fields?.since ?? found?.since ?? null;
  return (
    <>
      <Crumbs
        above={[
          { to: "/", name: t("common:nav.network") },
          { to: "/devices", name: t("title") },
        ]}
        name={deviceId}
      />
      <div className="head">
        <h1>{deviceId}</h1>
        {fields !== undefined && (
          <dl className="figures">
            <Fact name={t("column.values")}>
              {count(fields.good)} <small>{t("of", { count: fields.points })}</small>
            </Fact>
            <Fact name={t("column.lastGood")}>
              <Age time={fields.data_time} />
            </Fact>
            <Fact name={t("column.data")}>
              <QualityMark quality={fields.quality} reason={fields.reason} time={fields.data_time} />
            </Fact>
          </dl>
        )}
      </div>
      {keyed !== undefined && fields === undefined ? (
        <section className="panel message">
          <p>{t("unknownDevice", { device: deviceId })}</p>
          <p>
            <Link to="/devices">{t("title")}</Link>
          </p>
        </section>
      ) : (
        <>
          <div className="parts">
            <section className="panel" aria-labelledby="link">
              <header>
                <h2 id="link">{t("link.title")}</h2>
                {fields !== undefined && (
                  <Link to={`/station/${encodeURIComponent(fields.station)}`}>{fields.station}</Link>
                )}
              </header>
              <dl className="facts">
                {state !== undefined && (
                  <Fact name={t("column.state")}>
                    <DeviceState state={state} />
                    {since !== null && <small> {moment(since, zone)}</small>}
                  </Fact>
                )}
                <LinkFacts fields={fields} found={found} />
              </dl>
            </section>
            {answer.state === "failed" && (
              <section className="panel">
                <p role="status">{t("failed", { why: answer.why })}</p>
              </section>
            )}
            {found !== null && <Errors found={found} />}
            {found !== null && <Plan found={found} />}
          </div>
          {found !== null && <PointsTable device={deviceId} points={found.points} />}
        </>
      )}
    </>
  );
}

function LinkFacts({ fields, found }: { fields: DeviceFields | undefined; found: Diagnostics | null }) {
  const { t } = useTranslation("diagnostics");
  const { zone } = useZone();
  const about = found ?? fields;
  if (about === undefined) return null;
  const skew = about.clock_skew_s;
  const trip = found?.round_trip_s;
  const p50 = trip?.p50 == null ? fields?.round_trip_p50_ms : trip.p50 * 1000;
  const p95 = trip?.p95 == null ? fields?.round_trip_p95_ms : trip.p95 * 1000;
  return (
    <>
      {about.detail !== "" && <Fact name={t("link.detail")}>{about.detail}</Fact>}
      <Fact name={t("link.address")}>
        <span className="anywhere">{about.url}</span>
      </Fact>
      <Fact name={t("column.protocol")}>{protocolName(about.protocol)}</Fact>
      <Fact name={t("link.profile")}>{about.profile}</Fact>
      <Fact name={t("column.p50")}>{ms(p50)}</Fact>
      <Fact name={t("column.p95")}>{ms(p95)}</Fact>
      {trip !== undefined && <Fact name={t("link.max")}>{ms(trip.max === null ? null : trip.max * 1000)}</Fact>}
      {found?.last_good != null && (
        <Fact name={t("column.lastGood")}>
          {moment(found.last_good, zone)}
        </Fact>
      )}
      <Fact name={t("column.reconnects")}>{count(about.reconnects)}</Fact>
      <Fact name={t("column.missed")}>{count(about.missed_cycles)}</Fact>
      <Fact name={t("link.dropped")}>{count(about.dropped)}</Fact>
      <Fact name={t("link.gaps")}>{count(about.gaps)}</Fact>
      <Fact name={t("link.repeats")}>{count(about.repeats)}</Fact>
      <Fact name={t("link.skew")}>{skew === null ? UNKNOWN : `${decimal(skew, 1)} s`}</Fact>
    </>
  );
}

const KINDS = ["no_answer", "refused", "unreadable", "not_written", "adapter"] as const;

function Errors({ found }: { found: Diagnostics }) {
  const { t } = useTranslation("diagnostics");
  const kind = (name: string) => {
    const known = KINDS.find((candidate) => candidate === name);
    return known === undefined ? name : t(`errors.kind.${known}`);
  };
  const classes = Object.entries(found.errors_by_class).sort((a, b) => b[1] - a[1]);
  return (
    <section className="panel" aria-labelledby="errors">
      <header>
        <h2 id="errors">{t("errors.title")}</h2>
        {classes.length > 0 && (
          <CsvButton
            name={`${file(found.id)}-errors`}
            what={t("errors.title")}
            columns={[{ name: "class" }, { name: "errors" }]}
            rows={() => classes}
          />
        )}
      </header>
      {classes.length === 0 ? (
        <p className="empty">{t("errors.none")}</p>
      ) : (
        <table className="plain">
          <thead>
            <tr>
              <th scope="col">{t("errors.class")}</th>
              <th scope="col" className="right">
                {t("errors.count")}
              </th>
            </tr>
          </thead>
          <tbody>
            {classes.map(([name, times]) => (
              <tr key={name}>
                <th scope="row">{kind(name)}</th>
                <td className="right">{count(times)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Plan({ found }: { found: Diagnostics }) {
  const { t } = useTranslation("diagnostics");
  const lines = found.poll_plan.map((line) => (typeof line === "string" ? line : written(line)));
  return (
    <section className="panel" aria-labelledby="plan">
      <header>
        <h2 id="plan">{t("plan.title")}</h2>
        {lines.length > 0 && (
          <CsvButton
            name={`${file(found.id)}-plan`}
            what={t("plan.title")}
            columns={[{ name: "request" }]}
            rows={() => lines.map((line) => [line])}
          />
        )}
      </header>
      {lines.length === 0 ? (
        <p className="empty">{t("plan.none")}</p>
      ) : (
        <ol className="plan">
          {lines.map((line, i) => (
            <li key={i}>{line}</li>
          ))}
        </ol>
      )}
    </section>
  );
}

function written(line: Readonly<Record<string, unknown>>): string {
  return Object.entries(line)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
    .join(", ");
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function ms(value: number | null | undefined): string {
  return value == null ? UNKNOWN : `${decimal(value, value < 10 ? 1 : 0)} ms`;
}

/** A device's id as a file may be called. */
function file(id: string): string {
  return id.replaceAll("/", "-");
}
