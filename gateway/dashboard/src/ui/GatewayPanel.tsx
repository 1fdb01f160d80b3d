import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { count, decimal, span, UNKNOWN } from "../i18n/format";
import { useAnswer } from "../state/useAnswer";
import { CsvButton } from "./CsvButton";

interface Report {
  status: "ok" | "degraded";
  reasons: readonly string[];
  version: string;
  uptime_s: number;
  loop_lateness_s?: { p50: number | null; p99: number | null; max: number | null };
  forecast?: { age_s: number | null; duration_s: number | null };
  stream?: { clients: number; conflated: number; evicted: number };
  store?: { rows: number; bytes: number; dropped: number };
}

const EVERY_MS = 5000;
const REASONS = ["devices_away", "store_dropped", "loop_late"] as const;

/** How the gateway's own machinery does. */
export function GatewayPanel() {
  const { t } = useTranslation("diagnostics");
  const answer = useAnswer<Report>("/api/v1/health", EVERY_MS);
  const report = answer.state === "here" ? answer.value : null;
  return (
    <section className="panel gateway" aria-labelledby="gateway">
      <header>
        <h2 id="gateway">{t("gateway.title")}</h2>
        {report !== null && (
          <CsvButton
            name="gateway"
            what={t("gateway.title")}
            columns={[{ name: "figure" }, { name: "value" }]}
            rows={() => plain(report)}
          />
        )}
      </header>
      {report === null ? (
        <p className="empty">{t("gateway.waiting")}</p>
      ) : (
        <dl className="facts">
          <Fact name={t("gateway.status")}>
            {report.status === "ok" ? (
              t("gateway.ok")
            ) : (
              <b>
                {t("gateway.degraded")}: {report.reasons.map(reason).join(", ")}
              </b>
            )}
          </Fact>
          <Fact name={t("gateway.version")}>{report.version}</Fact>
          <Fact name={t("gateway.uptime")}>{report.uptime_s == null ? UNKNOWN : span(report.uptime_s)}</Fact>
          <Fact name={t("gateway.lateness")}>
            {(["p50", "p99", "max"] as const).map((part) => ms(report.loop_lateness_s?.[part])).join(" / ")}
          </Fact>
          <Fact name={t("gateway.forecast")}>{ms(report.forecast?.duration_s)}</Fact>
          <Fact name={t("gateway.forecastAge")}>
            {report.forecast?.age_s == null ? UNKNOWN : t("ago", { span: span(report.forecast.age_s) })}
          </Fact>
          <Fact name={t("gateway.clients")}>{count(report.stream?.clients)}</Fact>
          <Fact name={t("gateway.conflated")}>{count(report.stream?.conflated)}</Fact>
          <Fact name={t("gateway.evicted")}>{count(report.stream?.evicted)}</Fact>
          <Fact name={t("gateway.store")}>{bytes(report.store?.bytes)}</Fact>
          <Fact name={t("gateway.rows")}>{count(report.store?.rows)}</Fact>
          <Fact name={t("gateway.storeDropped")}>{count(report.store?.dropped)}</Fact>
        </dl>
      )}
    </section>
  );

  function reason(name: string): string {
    const known = REASONS.find((candidate) => candidate === name);
    return known === undefined ? name : t(`gateway.reason.${known}`);
  }
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function plain(report: Report): [string, string | number | null | undefined][] {
  return [
    ["status", report.status],
    ["version", report.version],
    ["uptime_s", report.uptime_s],
    ["loop_lateness_p50_s", report.loop_lateness_s?.p50],
    ["loop_lateness_p99_s", report.loop_lateness_s?.p99],
    ["loop_lateness_max_s", report.loop_lateness_s?.max],
    ["forecast_duration_s", report.forecast?.duration_s],
    ["forecast_age_s", report.forecast?.age_s],
    ["stream_clients", report.stream?.clients],
    ["stream_conflated", report.stream?.conflated],
    ["stream_evicted", report.stream?.evicted],
    ["store_bytes", report.store?.bytes],
    ["store_rows", report.store?.rows],
    ["store_dropped", report.store?.dropped],
  ];
}

function ms(seconds: number | null | undefined): string {
  if (seconds == null) return UNKNOWN;
  return seconds < 10 ? `${decimal(seconds * 1000, seconds < 0.01 ? 1 : 0)} ms` : span(seconds);
}

function bytes(value: number | undefined): string {
  if (value === undefined) return UNKNOWN;
  return value < 1e9 ? `${decimal(value / 1e6, 1)} MB` : `${decimal(value / 1e9, 2)} GB`;
}
