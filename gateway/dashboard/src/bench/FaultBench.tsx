import { useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { useKeys } from "../ui/keys";
import { found, LAYERS, type FaultKind } from "./fault";
import { FaultForm } from "./FaultForm";

/** A fault's description in the operator's language, else the catalogue's own English. */
export function useSummary(): (kind: FaultKind) => string {
  const { t } = useTranslation("bench");
  return (kind) => t(`summary.${kind.fault}` as "title", { defaultValue: kind.summary }) as string;
}

/** All that can go wrong, and the form that lets one of it happen. */
export function FaultBench({ catalogue, again }: { catalogue: readonly FaultKind[]; again(): void }) {
  const { t } = useTranslation("bench");
  const search = useRef<HTMLInputElement>(null);
  useKeys({ "/": { does: t("faults.find"), run: () => search.current?.focus() } });
  const summary = useSummary();
  const [words, setWords] = useState("");
  const [layer, setLayer] = useState("");
  const [name, choose] = useState<string | null>(null);
  const shown = found(catalogue, words, summary).filter((kind) => layer === "" || kind.layer === layer);
  const kind = catalogue.find((each) => each.fault === name);
  return (
    <section className="panel faults">
      <header>
        <h2>{t("faults.title")}</h2>
        <span>{t("faults.count", { count: shown.length })}</span>
      </header>
      <div className="two">
        <div>
          <search className="filter">
            <label className="words">
              <span>{t("faults.find")}</span>
              <input ref={search} type="search" value={words} onChange={(event) => setWords(event.target.value)} />
            </label>
            <label>
              <span>{t("layer.label")}</span>
              <select value={layer} onChange={(event) => setLayer(event.target.value)}>
                <option value="">{t("layer.all")}</option>
                {LAYERS.map((each) => (
                  <option key={each} value={each}>
                    {t(`layer.${each}`)}
                  </option>
                ))}
              </select>
            </label>
          </search>
          <ul className="catalogue" aria-label={t("faults.list")}>
            {shown.map((each) => (
              <li key={each.fault}>
                <button type="button" aria-pressed={each.fault === name} onClick={() => choose(each.fault)}>
                  <b>{each.fault.replaceAll("_", " ")}</b> <small>{t(`layer.${each.layer}`)}</small>
                  <span>{summary(each)}</span>
                </button>
              </li>
            ))}
          </ul>
          {shown.length === 0 && catalogue.length > 0 && <p className="empty">{t("faults.none")}</p>}
        </div>
        {kind === undefined ? (
          <p className="empty">{t("faults.choose")}</p>
        ) : (
          <FaultForm key={kind.fault} kind={kind} again={again} />
        )}
      </div>
    </section>
  );
}
