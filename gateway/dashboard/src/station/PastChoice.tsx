import { useTranslation } from "react-i18next";
import { setParameter } from "../state/route";
import { PASTS, usePast } from "./usePast";

/** How much of the past the page's charts show. */
export function PastChoice() {
  const { t } = useTranslation("station");
  const pastS = usePast();
  return (
    <span className="choice" role="group" aria-label={t("past.label")}>
      {PASTS.map((hours) => (
        <button
          key={hours}
          type="button"
          className="button"
          aria-pressed={hours * 3600 === pastS}
          onClick={() => setParameter("past", hours === PASTS[0] ? null : String(hours))}
        >
          {t("past.hours", { hours })}
        </button>
      ))}
    </span>
  );
}
