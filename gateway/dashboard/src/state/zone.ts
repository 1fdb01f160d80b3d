import { useTranslation } from "react-i18next";
import { create } from "zustand";
import { useLive } from "./live";

export const ZONES = ["station", "operator", "utc"] as const;
export type ZoneKind = (typeof ZONES)[number];

export interface Zone {
  kind: ZoneKind;
  /** The IANA name; undefined until the site has told its own. */
  zone: string | undefined;
  /** Whose time it is, in the user's language. */
  label: string;
}

const STORED = "swaptwin.zone";

const useChoice = create<{ kind: ZoneKind }>(() => ({
  kind: ZONES.find((kind) => kind === localStorage.getItem(STORED)) ?? "station",
}));

export function chooseZone(kind: ZoneKind): void {
  localStorage.setItem(STORED, kind);
  useChoice.setState({ kind });
}

/** The zone that every time on the page is shown in. */
export function useZone(): Zone {
  const { t } = useTranslation();
  const kind = useChoice((choice) => choice.kind);
  const site = useLive((live) => live.health?.timezone);
  const zone =
    kind === "utc" ? "UTC" : kind === "operator" ? Intl.DateTimeFormat().resolvedOptions().timeZone : site;
  return { kind, zone, label: t(`zone.${kind}`) };
}
