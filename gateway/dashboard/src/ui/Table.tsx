import type { ReactNode } from "react";

/** What stands above a column, and in its cell of a row; numbers to the right. */
export type Column<Row> = readonly [head: string, cell: (row: Row) => ReactNode, side?: "right"];

interface Props<Row> {
  className?: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf(row: Row): string | number;
}

/** A plain table; its first column names the rows. */
export function Table<Row>({ className, columns, rows, keyOf }: Props<Row>) {
  return (
    <table className={className}>
      <thead>
        <tr>
          {columns.map(([head, , side]) => (
            <th key={head} scope="col" className={side}>
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={keyOf(row)}>
            {columns.map(([head, cell, side], i) =>
              i === 0 ? (
                <th key={head} scope="row" className={side}>
                  {cell(row)}
                </th>
              ) : (
                <td key={head} className={side}>
                  {cell(row)}
                </td>
              ),
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
