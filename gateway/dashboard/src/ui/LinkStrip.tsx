import { useTranslation } from "react-i18next";
import { span } from "../i18n/format";
import { useLive } from "../state/live";

/** The state of the connection, always in the same place, so that its loss moves nothing. */
export function LinkStrip() {
  const { t } = useTranslation();
  const link = useLive((live) => live.link);
  const everLive = useLive((live) => live.everLive);
  if (link.phase === "live" || (!everLive && link.phase === "connecting")) {
    return (
      <section className="strip" aria-label={t("link.label")}>
        <span className="dot" aria-hidden="true" />
        <span role="status">{t(link.phase === "live" ? "link.live" : "link.connecting")}</span>
      </section>
    );
  }
  return (
    <section className="strip lost" aria-label={t("link.label")}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d="M3 3l10 10M13 3L3 13" />
      </svg>
      <strong role="alert">{t(everLive ? "link.lost" : "link.silent")}</strong>
      <Since />
    </section>
  );
}

function Since() {
  const { t } = useTranslation();
  const link = useLive((live) => live.link);
  const wall = useLive((live) => live.wall);
  const heardAt = useLive((live) => live.heardAt);
  return (
    <span className="since">
      {heardAt !== null && `${t("link.since", { span: span((wall - heardAt) / 1000) })} `}
      {link.phase === "lost"
        ? t("link.retry", { span: span(Math.ceil((link.retryAt - wall) / 1000)) })
        : t("link.trying")}
    </span>
  );
}
