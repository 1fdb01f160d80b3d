import { useTranslation } from "react-i18next";
import { probable } from "../i18n/format";
import type { Advice, Option } from "../state/types";
import { NO_CHANGE, type Change } from "./change";
import { action, advised, alternatives, capital, unbroken } from "./explain";
import { useWhatIf } from "./whatIfStore";

/** What to do, the risk before and after it, and a way to look at it first. */
export function AdviceText({ advice }: { advice: Advice }) {
  const { t } = useTranslation("station");
  const set = useWhatIf((state) => state.set);
  const { options, probability } = advice;
  const others = alternatives(options);
  const [best] = options;
  return (
    <>
      <b>{unbroken(advised(advice))}</b>
      {best !== undefined && (
        <div className="beforeafter" aria-hidden="true">
          <Share name={t("advice.before")} share={probability} />
          <Share name={t("advice.after")} share={best.probability} />
        </div>
      )}
      {others !== null && <p>{unbroken(others)}</p>}
      {options.length > 0 && (
        <p className="tries">
          {t("advice.try")}
          {options.map((option) => (
            <button key={option.action} type="button" className="button" onClick={() => set(changeOf(option))}>
              {unbroken(capital(action(option)))}
            </button>
          ))}
        </p>
      )}
    </>
  );
}

function Share({ name, share }: { name: string; share: number }) {
  return (
    <>
      <span>{name}</span>
      <span className="bar">
        <span style={{ width: `${share * 100}%` }} />
      </span>
      <span className="number">{probable(share)}</span>
    </>
  );
}

function changeOf({ action: kind, amount, slots }: Option): Change {
  switch (kind) {
    case "packs_added":
      return { ...NO_CHANGE, packs_added: amount };
    case "slots_repaired":
      return { ...NO_CHANGE, slots_repaired: slots };
    case "grid_limit_w":
      return { ...NO_CHANGE, grid_limit_w: amount };
    case "demand_reduced":
      return { ...NO_CHANGE, demand_factor: Math.max(0, 1 - amount) };
  }
}
