import { useTranslation } from "react-i18next";
import type { Device } from "../state/diagnostics";
import { useLive } from "../state/live";

/** The state of a link as shape and word; connected is quiet. */
export function DeviceState({ state }: { state: Device["state"] }) {
  const { t } = useTranslation("diagnostics");
  const offline = useLive((live) => live.everLive && live.link.phase !== "live");
  return (
    <span className={`linkstate ${offline ? "unsure" : state}`}>
      {state !== "connected" && (
        <svg viewBox="0 0 16 16" aria-hidden="true">
          {state === "connecting" ? <circle cx="8" cy="8" r="5.5" /> : <path d="M3 3l10 10M13 3L3 13" />}
        </svg>
      )}
      {t(`state.${state}`)}
    </span>
  );
}
