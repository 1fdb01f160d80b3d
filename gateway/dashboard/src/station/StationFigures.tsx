import { useTranslation } from "react-i18next";
import { UNKNOWN } from "../i18n/format";
import type { Station } from "../state/types";
import { Power } from "../ui/Power";
import { Age, drawnAs, QualityMark, Value } from "../ui/Value";

/** The station in one line. */
export function StationFigures({ summary }: { summary: Station }) {
  const { t } = useTranslation("station");
  const { ready_quality: quality, ready_reason: reason } = summary;
  const figure = (n: number | null) => (
    <Value text={n === null ? UNKNOWN : String(n)} as={drawnAs(n !== null, quality, reason)} />
  );
  return (
    <dl className="figures">
      <div>
        <dt>{t("figures.ready")}</dt>
        <dd data-figure="ready">
          {figure(summary.ready)} <small>{t("figures.of", { slots: summary.slots })}</small>
        </dd>
      </div>
      <div>
        <dt>{t("figures.charging")}</dt>
        <dd>{figure(summary.charging)}</dd>
      </div>
      <div className={summary.faulted ? "abnormal" : ""}>
        <dt>{t("figures.faulted")}</dt>
        <dd>{figure(summary.faulted)}</dd>
      </div>
      <div>
        <dt>{t("figures.power")}</dt>
        <dd>
          <Power station={summary} />
        </dd>
      </div>
      <div>
        <dt>{t("figures.age")}</dt>
        <dd>
          <Age time={summary.data_time} />
        </dd>
      </div>
      <div>
        <dt>{t("figures.data")}</dt>
        <dd>
          <QualityMark quality={summary.quality} reason={summary.reason} time={summary.data_time} />
        </dd>
      </div>
    </dl>
  );
}
