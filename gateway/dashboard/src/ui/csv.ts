import { isoTime } from "../i18n/format";

/** One column: its name carries the unit (`power_w`). A column of times is written as ISO 8601 with offset. */
export interface CsvColumn {
  name: string;
  time?: boolean;
}
export type CsvCell = string | number | boolean | null | undefined;

export interface CsvSurroundings {
  zone: string | undefined;
  emulated: boolean;
}

/** The file's text. Numbers stay as machines read them, whatever the language of the page. */
export function csvText(
  columns: readonly CsvColumn[],
  rows: readonly (readonly CsvCell[])[],
  { zone, emulated }: CsvSurroundings,
): string {
  const cell = (value: CsvCell, column: CsvColumn | undefined) => {
    if (value == null) return "";
    return quoted(column?.time && typeof value === "number" ? isoTime(value, zone) : String(value));
  };
  const lines = [
    columns.map((column) => quoted(column.name)).join(","),
    ...rows.map((row) => row.map((value, i) => cell(value, columns[i])).join(",")),
  ];
  return `${emulated ? "# EMULATED\r\n" : ""}${lines.join("\r\n")}\r\n`;
}

function quoted(text: string): string {
  // A spreadsheet would run a text that begins like a formula.
  const safe = /^[=+@]|^-(?![\d.])/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Save a table as `name`.csv. */
export function downloadCsv(
  name: string,
  columns: readonly CsvColumn[],
  rows: readonly (readonly CsvCell[])[],
  around: CsvSurroundings,
): void {
  const url = URL.createObjectURL(new Blob([csvText(columns, rows, around)], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${name}.csv`;
  link.click();
  URL.revokeObjectURL(url);
}
