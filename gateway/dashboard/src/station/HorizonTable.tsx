import { memo } from "react";
import { useTranslation } from "react-i18next";
import { decimal, UNKNOWN } from "../i18n/format";
import { HORIZONS, type Forecast } from "../state/types";
import { Risk } from "../ui/Risk";

interface Props {
  forecast: Forecast | undefined;
  expired: boolean;
}

/** The chance of running out, and the swaps lost, within each time. */
export const HorizonTable = memo(function HorizonTable({ forecast, expired }: Props) {
  const { t } = useTranslation("station");
  return (
    <table className="horizons">
      <thead>
        <HorizonHead />
      </thead>
      <tbody>
        <tr data-row="stockout">
          <th scope="row">{t("horizons.stockout")}</th>
          {HORIZONS.map((horizon) => (
            <td key={horizon} className="right">
              <Risk probability={forecast?.stockout_probability[horizon]} old={expired} />
            </td>
          ))}
        </tr>
        <tr data-row="lost">
          <th scope="row">{t("horizons.lost")}</th>
          {HORIZONS.map((horizon) => (
            <td key={horizon} className="right">
              <span className={expired ? "stale value" : "value"}>{lostSwaps(forecast?.lost_swaps[horizon])}</span>
            </td>
          ))}
        </tr>
      </tbody>
    </table>
  );
});

export function HorizonHead() {
  const { t } = useTranslation("station");
  return (
    <tr>
      <th scope="col">{t("horizons.within")}</th>
      {HORIZONS.map((horizon) => (
        <th key={horizon} scope="col" className="right">
          {t("horizons.minutes", { minutes: Number(horizon) / 60 })}
        </th>
      ))}
    </tr>
  );
}

export function lostSwaps(mean: number | null | undefined): string {
  return mean == null ? UNKNOWN : decimal(mean, 1);
}
