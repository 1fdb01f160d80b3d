import { memo } from "react";
import { useTranslation } from "react-i18next";
import { clockTime, count } from "../i18n/format";
import type { Forecast } from "../state/types";
import { Table, type Column } from "../ui/Table";

const EVERY_S = 900;
const BANDS = ["p05", "p25", "p50", "p75", "p95"] as const;

interface Props {
  forecast: Forecast;
  zone: string | undefined;
}

/** The fan in figures, every quarter of an hour. */
export const ForecastTable = memo(function ForecastTable({ forecast, zone }: Props) {
  const { t } = useTranslation("station");
  const { ready, generated_at: made } = forecast;
  const quarter = (time: number | undefined) => Math.floor(((time ?? 0) - made) / EVERY_S);
  const rows = ready.t.flatMap((time, i) => (i === 0 || quarter(time) > quarter(ready.t[i - 1]) ? [i] : []));
  return (
    <details>
      <summary>{t("forecast.asTable")}</summary>
      <Table
        className="numbers"
        columns={[
          [t("forecast.time"), (i) => clockTime(ready.t[i] ?? 0, zone, false)],
          ...BANDS.map((band): Column<number> => [t(`bands.${band}`), (i) => count(ready[band][i]), "right"]),
        ]}
        rows={rows}
        keyOf={(i) => i}
      />
    </details>
  );
});
