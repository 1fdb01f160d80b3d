/** One of the cabinets that stand beside each other; `column` counts from 0. */
export interface CabinetPlace {
  name: string;
  column: number;
  columns: number;
}

/** How the slots of a station lie on its doors, as the site file tells; null is a gap. */
export interface Layout {
  rows: number;
  columns: number;
  cells: readonly (readonly (number | null)[])[];
  cabinets?: readonly CabinetPlace[];
}

/** A door or a gap, with its row and column on the page, counted from 1 as CSS does. */
export interface Cell {
  slot: number;
  row: number;
  column: number;
}

export interface Front {
  /** The width of each column of the page: a door, or the space between two cabinets. */
  columns: readonly ("door" | "space")[];
  cells: readonly Cell[];
  /** Where each cabinet's name stands. Empty for a single cabinet without a name. */
  names: readonly { name: string; column: number; columns: number }[];
}

const MOST_ROWS = 8;

/** The front of the station. A slot that the layout forgets stands in a row of its own below: none is ever hidden. */
export function front(layout: Layout | null | undefined, slots: readonly number[]): Front {
  const { columns: width, cells: rows, cabinets = [] } = layout ?? usual(slots);
  const there = new Set(slots);
  const starts = new Set(cabinets.map(({ column }) => column).filter((column) => column > 0));
  const columns: ("door" | "space")[] = [];
  const placeOf: number[] = [];
  for (let column = 0; column < width; column++) {
    if (starts.has(column)) columns.push("space");
    placeOf.push(columns.push("door"));
  }
  const cells: Cell[] = [];
  rows.forEach((row, r) =>
    row.forEach((slot, c) => {
      if (slot !== null && there.delete(slot)) cells.push({ slot, row: r + 1, column: placeOf[c] ?? c + 1 });
    }),
  );
  [...there].forEach((slot, i) => {
    const row = rows.length + 1 + Math.floor(i / width);
    cells.push({ slot, row, column: placeOf[i % width] ?? 1 });
  });
  const names = cabinets.map(({ name, column, columns: wide }) => ({ name, column: placeOf[column] ?? 1, columns: wide }));
  return { columns, cells, names: names.some(({ name }) => name !== "") ? names : [] };
}

/** Without a layout: one cabinet, numbered in rows from the top, about as many doors beside as above each other. */
function usual(slots: readonly number[]): Layout {
  const columns = Math.max(Math.floor(Math.sqrt(slots.length)), Math.ceil(slots.length / MOST_ROWS), 1);
  const cells: number[][] = [];
  for (let i = 0; i < slots.length; i += columns) cells.push(slots.slice(i, i + columns));
  return { rows: cells.length, columns, cells };
}
