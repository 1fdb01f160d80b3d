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

/** A door, with its row and column in its cabinet counted from 1, as CSS does. */
export interface Door {
  slot: number;
  row: number;
  column: number;
}

/** The doors of one cabinet, in the order of their numbers. */
export interface Doors {
  name: string;
  columns: number;
  doors: readonly Door[];
}

const MOST_ROWS = 8;

/** The station from the front. Slots that the layout forgets stand in rows of their own below: none is ever hidden. */
export function front(layout: Layout | null | undefined, slots: readonly number[]): readonly Doors[] {
  const { columns: width, cells, cabinets } = layout ?? usual(slots);
  const places = cabinets?.length ? cabinets : [{ name: "", column: 0, columns: width }];
  const left = new Set(slots);
  const found = places.map(({ name, column: first, columns }) => {
    const doors: Door[] = [];
    cells.forEach((row, r) =>
      row.slice(first, first + columns).forEach((slot, c) => {
        if (slot !== null && left.delete(slot)) doors.push({ slot, row: r + 1, column: c + 1 });
      }),
    );
    return { name, columns, doors };
  });
  const [last] = found.slice(-1);
  [...left].forEach((slot, i) => {
    const columns = last?.columns ?? 1;
    last?.doors.push({ slot, row: cells.length + 1 + Math.floor(i / columns), column: 1 + (i % columns) });
  });
  for (const { doors } of found) doors.sort((a, b) => a.slot - b.slot);
  return found;
}

/** Without a layout: one cabinet, numbered in rows from the top, about as many doors beside as above each other. */
function usual(slots: readonly number[]): Layout {
  const columns = Math.max(Math.floor(Math.sqrt(slots.length)), Math.ceil(slots.length / MOST_ROWS), 1);
  const cells: number[][] = [];
  for (let i = 0; i < slots.length; i += columns) cells.push(slots.slice(i, i + columns));
  return { rows: cells.length, columns, cells };
}
