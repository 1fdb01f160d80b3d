import { useTranslation } from "react-i18next";
import { useLive } from "../state/live";
import { useZone } from "../state/zone";
import { downloadCsv, type CsvCell, type CsvColumn } from "./csv";

interface Props {
  /** The file's name, without its suffix. */
  name: string;
  /** What is saved, in the user's language. */
  what: string;
  columns: readonly CsvColumn[];
  /** Asked for when the button is pressed. */
  rows: () => readonly (readonly CsvCell[])[];
}

/** Saves a table or a chart's data; every one of them has it. */
export function CsvButton({ name, what, columns, rows }: Props) {
  const { t } = useTranslation();
  const { zone } = useZone();
  const emulated = useLive((live) => live.health?.emulated ?? false);
  return (
    <button
      type="button"
      className="button quiet"
      aria-label={t("csvOf", { what })}
      onClick={() => downloadCsv(name, columns, rows(), { zone, emulated })}
    >
      {t("csv")}
    </button>
  );
}
