import { useTranslation } from "react-i18next";

interface Mark {
  /** Quality and reason where the signal is not good. A signal that is neither known nor marked is not reported. */
  mark: string | undefined;
}

/** The door from the front: shut, or swung open. */
export function DoorGlyph({ open, mark }: { open: boolean | null } & Mark) {
  const { t } = useTranslation("station");
  if (open === null && mark === undefined) return null;
  const word = open === null ? t("slot.doorUnknown") : t(open ? "slot.doorOpen" : "slot.doorClosed");
  return (
    <svg className={glyph(open === true, mark)} viewBox="0 0 16 16">
      <title>{word}</title>
      {open === null ? (
        <path d="M3 1.5h10v13H3z" />
      ) : open ? (
        <path d="M3 1.5h10v13H3M3 1.5l6 2.5v12l-6-1.5z" />
      ) : (
        <path d="M3 1.5h10v13H3zM10.5 7v2.5" />
      )}
    </svg>
  );
}

/** A padlock: shut, or with its shackle swung out. */
export function LockGlyph({ locked, mark }: { locked: boolean | null } & Mark) {
  const { t } = useTranslation("station");
  if (locked === null && mark === undefined) return null;
  const word = locked === null ? t("slot.lockUnknown") : t(locked ? "slot.locked" : "slot.unlocked");
  return (
    <svg className={glyph(false, mark)} viewBox="0 0 16 16">
      <title>{word}</title>
      <path d="M3 7.5h10v7H3z" className={locked === true ? "solid" : ""} />
      {locked !== null && <path d={locked ? "M5 7.5V4.8a3 3 0 0 1 6 0v2.7" : "M5 7.5V4.8a3 3 0 0 1 5.8-1.1"} />}
    </svg>
  );
}

function glyph(abnormal: boolean, mark: string | undefined): string {
  return `glyph${abnormal ? " open" : ""}${mark === undefined ? "" : " doubtful"}`;
}
