import { memo, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { decimal, span, UNKNOWN } from "../i18n/format";
import type { PointReading } from "../state/diagnostics";
import { CsvButton } from "./CsvButton";
import { drawnAs, QualityMark, Value } from "./Value";

/** What stands in the device, beside what the gateway takes it for. */
export function PointsTable({ device, points }: { device: string; points: readonly PointReading[] }) {
  const { t } = useTranslation("diagnostics");
  const [search, setSearch] = useState("");
  const [onlyTrouble, setOnlyTrouble] = useState(false);
  const shown = useMemo(
    () => points.filter((point) => (!onlyTrouble || point.quality !== "good") && matches(point, search)),
    [points, search, onlyTrouble],
  );
  return (
    <section className="panel points" aria-labelledby="points">
      <header>
        <h2 id="points">
          {t("points.title")} <small>{t("points.caption")}</small>
        </h2>
        <input
          type="search"
          aria-label={t("points.filter")}
          placeholder={t("points.filter")}
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <label className="choice">
          <input type="checkbox" checked={onlyTrouble} onChange={(event) => setOnlyTrouble(event.target.checked)} />
          {t("points.onlyTrouble")}
        </label>
        <CsvButton
          name={`${device.replaceAll("/", "-")}-values`}
          what={t("points.title")}
          columns={["source_time", "path", "address", "raw", "value", "unit", "quality", "reason", "age_s"].map((name) => ({
            name,
            time: name === "source_time",
          }))}
          rows={() =>
            shown.map((point) => [
              point.source_time,
              point.path,
              point.address,
              rawText(point.raw),
              point.value,
              point.unit,
              point.quality,
              point.reason,
              point.age_s,
            ])
          }
        />
      </header>
      {shown.length === 0 ? (
        <p className="empty">{t("points.none")}</p>
      ) : (
        <div className="scroll" tabIndex={0} role="group" aria-labelledby="points">
          <table className="plain">
            <thead>
              <tr>
                <th scope="col">{t("points.signal")}</th>
                <th scope="col" className="right">
                  {t("points.slot")}
                </th>
                <th scope="col">{t("points.address")}</th>
                <th scope="col" className="right">
                  {t("points.raw")}
                </th>
                <th scope="col" className="right">
                  {t("points.value")}
                </th>
                <th scope="col">{t("points.quality")}</th>
                <th scope="col" className="right">
                  {t("points.age")}
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((point) => (
                <Row key={point.path} point={point} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

const Row = memo(
  function Row({ point }: { point: PointReading }) {
    const raw = rawText(point.raw);
    const value = scaled(point);
    return (
      <tr data-point={point.path}>
        <th scope="row">{point.signal}</th>
        <td className="right">{point.slot ?? ""}</td>
        <td className="address">{String(point.address)}</td>
        <td className="right address">{raw ?? UNKNOWN}</td>
        <td className="right">
          <Value text={value ?? UNKNOWN} as={drawnAs(value !== null, point.quality, point.reason)} />
        </td>
        <td>
          <QualityMark quality={point.quality} reason={point.reason} time={null} />
        </td>
        <td className="right">{point.age_s === null ? UNKNOWN : span(point.age_s)}</td>
      </tr>
    );
  },
  (before, after) => JSON.stringify(before.point) === JSON.stringify(after.point),
);

function matches(point: PointReading, search: string): boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const text = `${point.path} ${point.address}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

function rawText(raw: unknown): string | null {
  if (raw == null) return null;
  return typeof raw === "object" ? JSON.stringify(raw) : String(raw);
}

const UNITS: Record<string, string> = { C: " °C", "1": "" };

function scaled({ value, unit }: PointReading): string | null {
  if (value === null) return null;
  if (typeof value !== "number") return String(value);
  const digits = Number.isInteger(value) ? 0 : Math.abs(value) < 10 ? 4 : 2;
  return `${decimal(value, digits)}${UNITS[unit] ?? (unit === "" ? "" : ` ${unit}`)}`;
}
