import { useState } from "react";
import { useTranslation } from "react-i18next";
import { useOrders } from "../state/alarmOrders";
import { NameDialog } from "./OrderDialogs";

/** In whose name orders are given, and a way to change that. */
export function Operator() {
  const { t } = useTranslation("alarmpage");
  const name = useOrders((orders) => orders.operator);
  const sending = useOrders((orders) => orders.sending > 0);
  const [changing, change] = useState(false);
  return (
    <p className="operator">
      <span aria-live="polite">{sending ? t("act.sending") : ""}</span>
      {name === "" ? t("operator.nobody") : t("operator.acting", { name })}{" "}
      {name !== "" && (
        <button type="button" className="plain" onClick={() => change(true)}>
          {t("operator.change")}
        </button>
      )}
      {changing && <NameDialog leave={() => change(false)} />}
    </p>
  );
}
