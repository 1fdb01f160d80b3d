import { useTranslation } from "react-i18next";
import type { Said } from "./useOrder";

/** Why an order was not carried out, in the gateway's own words. */
export function Refusal({ refusal }: { refusal: Said | null }) {
  const { t } = useTranslation("bench");
  if (refusal === null) return null;
  return (
    <p className="notdone" role="alert">
      {t("refused", { message: refusal.message })} {refusal.remedy}
    </p>
  );
}
