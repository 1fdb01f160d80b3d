import { useTranslation } from "react-i18next";
import { span } from "../i18n/format";
import { useLive } from "../state/live";
import type { Acting as Entry, Faults } from "./fault";
import { Refusal } from "./Refusal";
import { useOrder } from "./useOrder";

/** The faults that act or are going to, each with a way to end it. */
export function Acting({ faults, again }: { faults: Faults | undefined; again(): void }) {
  const { t } = useTranslation("bench");
  const { sending, refusal, give } = useOrder();
  const clear = (path: string) => void give("DELETE", path).then(again);
  const active = faults?.active ?? [];
  return (
    <section className="panel acting">
      <header>
        <h2>{t("acting.title")}</h2>
        <button
          type="button"
          className="button"
          disabled={active.length === 0 || sending}
          onClick={() => clear("/api/v1/faults")}
        >
          {t("acting.clearAll")}
        </button>
      </header>
      {active.length === 0 ? (
        <p className="empty">{t("acting.none")}</p>
      ) : (
        <ul>
          {active.map((entry) => (
            <li key={entry.id} data-fault={entry.id}>
              <div>
                <b>{entry.fault.replaceAll("_", " ")}</b> <small>{entry.id}</small>
                <p>{detailsOf(entry, t("acting.slots"))}</p>
                <small>
                  <Ends entry={entry} />
                </small>
              </div>
              <button
                type="button"
                className="button"
                disabled={sending}
                aria-label={t("acting.clearOne", { id: entry.id, fault: entry.fault })}
                onClick={() => clear(`/api/v1/faults/${entry.id}`)}
              >
                {t("acting.clear")}
              </button>
            </li>
          ))}
        </ul>
      )}
      <Refusal refusal={refusal} />
    </section>
  );
}

function detailsOf(entry: Entry, slots: string): string {
  const struck = entry.slots.length > 0 ? entry.slots : [...new Set(Object.values(entry.picked).flat())];
  const parameters = Object.entries(entry.parameters).filter(([, value]) => value !== null);
  return [
    entry.target,
    struck.length > 0 ? `${slots} ${struck.join(", ")}` : "",
    ...parameters.map(([name, value]) => `${name} ${String(value)}`),
    entry.probability < 1 ? `${Math.round(entry.probability * 1000) / 10} %` : "",
  ]
    .filter(Boolean)
    .join(" · ");
}

function Ends({ entry }: { entry: Entry }) {
  const { t } = useTranslation("bench");
  const now = useLive((live) => live.now);
  const left = (time: number) => span(Math.max(0, time - (now ?? time)));
  if (!entry.active) return t("acting.begins", { span: left(entry.start) });
  return entry.end === null ? t("acting.whenCleared") : t("acting.in", { span: left(entry.end) });
}
