import "./diagnostics.css";
import { memo, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { bundled } from "../i18n";
import english from "../i18n/en/diagnostics.json";
import { count, decimal, UNKNOWN } from "../i18n/format";
import type { Device } from "../state/diagnostics";
import { useLive } from "../state/live";
import { worstDeviceFirst } from "../state/rankDevices";
import { useTitle } from "../state/useTitle";
import { useTopics } from "../state/useTopics";
import { Crumbs } from "../ui/Crumbs";
import { CsvButton } from "../ui/CsvButton";
import { DeviceState } from "../ui/DeviceState";
import { GatewayPanel } from "../ui/GatewayPanel";
import { Link } from "../ui/Link";
import { protocolName } from "../ui/protocol";
import { useVisibleRows } from "../ui/useVisibleRows";
import { Age, QualityMark } from "../ui/Value";

bundled("diagnostics", english);

/** Rows of one height, so that those out of sight need not be drawn. */
const ROW_PX = 38;

/** Every device and its link, worst first, and how the gateway itself is. */
export default function Devices() {
  const { t } = useTranslation(["diagnostics", "common"]);
  const [keyed] = useTopics("devices");
  const [search, setSearch] = useState("");
  useTitle(t("title"), useLive((live) => live.health?.name));
  const devices = useMemo(
    () => (keyed === undefined ? undefined : (Object.values(keyed) as unknown as Device[]).sort(worstDeviceFirst)),
    [keyed],
  );
  const found = useMemo(() => devices?.filter((device) => matches(device, search)) ?? [], [devices, search]);
  const away = devices?.filter((device) => device.state !== "connected").length ?? 0;
  const troubled = devices?.filter((device) => device.quality !== "good").length ?? 0;
  return (
    <>
      <Crumbs above={[{ to: "/", name: t("common:nav.network") }]} name={t("title")} />
      <div className="head">
        <h1>{t("title")}</h1>
        <dl className="figures">
          <div>
            <dt>{t("title")}</dt>
            <dd>{devices === undefined ? UNKNOWN : count(devices.length)}</dd>
          </div>
          <div>
            <dt>{t("away")}</dt>
            <dd className={away > 0 ? "abnormal" : ""}>
              <span className="value">{devices === undefined ? UNKNOWN : count(away)}</span>
            </dd>
          </div>
          <div>
            <dt>{t("notGood")}</dt>
            <dd className={troubled > 0 ? "abnormal" : ""}>
              <span className="value">{devices === undefined ? UNKNOWN : count(troubled)}</span>
            </dd>
          </div>
        </dl>
      </div>
      <section className="panel" aria-labelledby="devices">
        <header>
          <h2 id="devices">{t("caption")}</h2>
          <input
            type="search"
            aria-label={t("search")}
            placeholder={t("search")}
            value={search}
            onChange={(event) => setSearch(event.target.value)}
          />
          <span role="status">{devices !== undefined && t("shown", { count: found.length })}</span>
          <CsvButton
            name="devices"
            what={t("caption")}
            columns={COLUMNS.map((name) => ({ name, time: name === "data_time" || name === "since" }))}
            rows={() => found.map((device) => COLUMNS.map((name) => device[name]))}
          />
        </header>
        {devices === undefined ? (
          <p className="empty">{t("common:waiting")}</p>
        ) : found.length === 0 ? (
          <p className="empty">{t("noMatch")}</p>
        ) : (
          <Table devices={found} />
        )}
      </section>
      <GatewayPanel />
    </>
  );
}

const COLUMNS = [
  "id",
  "station",
  "protocol",
  "profile",
  "url",
  "state",
  "since",
  "quality",
  "reason",
  "round_trip_p50_ms",
  "round_trip_p95_ms",
  "errors",
  "missed_cycles",
  "reconnects",
  "dropped",
  "gaps",
  "repeats",
  "points",
  "good",
  "stale",
  "bad",
  "data_time",
] as const satisfies readonly (keyof Device)[];

function matches(device: Device, search: string): boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const text = `${device.id} ${device.protocol} ${protocolName(device.protocol)} ${device.profile} ${device.url} ${device.state}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

const Table = memo(function Table({ devices }: { devices: readonly Device[] }) {
  const { t } = useTranslation("diagnostics");
  const { body, first, last, before, after } = useVisibleRows(devices.length, ROW_PX);
  return (
    <table className="devices" role="table" aria-rowcount={devices.length + 1} aria-labelledby="devices">
      <thead role="rowgroup">
        <tr role="row">
          {HEADS.map(([name, right]) => (
            <th key={name} role="columnheader" scope="col" className={right ? "right" : ""}>
              {t(`column.${name}`)}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup" ref={body}>
        {before > 0 && <tr aria-hidden="true" style={{ height: before }} />}
        {devices.slice(first, last).map((device, i) => (
          <Row key={device.id} device={device} index={first + i + 2} />
        ))}
        {after > 0 && <tr aria-hidden="true" style={{ height: after }} />}
      </tbody>
    </table>
  );
});

const HEADS = [
  ["device", false],
  ["state", false],
  ["protocol", false],
  ["p50", true],
  ["p95", true],
  ["errors", true],
  ["missed", true],
  ["reconnects", true],
  ["values", true],
  ["lastGood", true],
  ["data", false],
] as const;

const Row = memo(function Row({ device, index }: { device: Device; index: number }) {
  const { t } = useTranslation("diagnostics");
  const cell = (name: (typeof HEADS)[number][0]) => ({ role: "cell", "data-label": t(`column.${name}`), className: name });
  return (
    <tr role="row" aria-rowindex={index} data-device={device.id}>
      <th role="rowheader" scope="row" className="name">
        <Link to={`/devices/${encodeURIComponent(device.id)}`}>{device.id}</Link>
      </th>
      <td {...cell("state")}>
        <DeviceState state={device.state} />
      </td>
      <td {...cell("protocol")}>{protocolName(device.protocol)}</td>
      <td {...cell("p50")}>{milliseconds(device.round_trip_p50_ms)}</td>
      <td {...cell("p95")}>{milliseconds(device.round_trip_p95_ms)}</td>
      <td {...cell("errors")}>{count(device.errors)}</td>
      <td {...cell("missed")}>{count(device.missed_cycles)}</td>
      <td {...cell("reconnects")}>{count(device.reconnects)}</td>
      <td {...cell("values")}>
        {count(device.good)} <small>{t("of", { count: device.points })}</small>
      </td>
      <td {...cell("lastGood")}>
        <Age time={device.data_time} />
      </td>
      <td {...cell("data")}>
        <QualityMark quality={device.quality} reason={device.reason} time={device.data_time} />
      </td>
    </tr>
  );
});

function milliseconds(value: number | null): string {
  return value === null ? UNKNOWN : `${decimal(value, value < 10 ? 1 : 0)} ms`;
}
