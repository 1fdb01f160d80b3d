import type { TFunction } from "i18next";
import type { Refusal } from "./whatIfStore";

const BY_CODE = ["no_state", "preparing", "busy", "unreachable"] as const;

/** What a change cannot be, as the gateway words it: its numbers are kept and its words are the operator's. */
const BY_WORDS = [
  [/ (?<packs>\d+) packs do not fit: (?<free>\d+) slots are free/, "packs"],
  [/ slot (?<slot>\d+) is not out of order$/, "repair"],
  [/ there is no slot (?<slot>\d+)$/, "slot"],
] as const;

/** Why a what-if question is not answered, in the operator's language; what is not known here in the gateway's words. */
export function refusalText({ code, message, remedy }: Refusal, t: TFunction<"station">): string {
  const known = BY_CODE.find((each) => each === code);
  if (known !== undefined) return t(`whatif.refused.${known}`);
  for (const [words, key] of BY_WORDS) {
    const found = words.exec(message);
    if (found !== null) return t(`whatif.refused.${key}`, found.groups as Record<"packs" | "free" | "slot", string>);
  }
  return `${t("whatif.refused.other")} ${message}. ${remedy}`;
}
