import uPlot from "uplot";

/** A chart's data: times, then a column for each series. `null` is a gap; what is not there is not drawn. */
export type Table = readonly [readonly number[], ...(readonly (number | null | undefined)[])[]];
export type Columns = readonly (readonly (number | null)[])[];

/** Tables with axes of their own on one axis. */
export function join(tables: readonly Columns[]): Table {
  return uPlot.join(tables as unknown as uPlot.AlignedData[]) as unknown as Table;
}

/** The value that a series has at a point of the axis: its own, or the last before it. */
export function valueAt(table: Table, series: number, index: number): number | null {
  const values = table[series] ?? [];
  for (let i = index; i >= 0; i--) {
    const value = values[i];
    if (value !== undefined) return value;
  }
  return null;
}
