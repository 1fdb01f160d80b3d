import { describe, expect, it } from "vitest";
import { front, type Doors } from "./front";

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

/** The cells as text, a line for each row: "1 3 5 / 2 . 4". */
function drawn(cabinets: readonly Doors[]): string {
  return cabinets
    .map(({ columns, doors }) => {
      const at = (row: number, column: number) =>
        doors.find((door) => door.row === row && door.column === column)?.slot ?? ".";
      const rows = numbers(Math.max(0, ...doors.map(({ row }) => row)));
      return rows.map((row) => numbers(columns).map((column) => at(row, column)).join(" ")).join(" / ");
    })
    .join(" | ");
}

describe("the front of a cabinet", () => {
  it("is as the site file lays it out, with its gaps and its numbering", () => {
    const layout = { rows: 2, columns: 3, cells: [[1, 3, 5], [2, null, 4]] };
    expect(drawn(front(layout, numbers(5)))).toBe("1 3 5 / 2 . 4");
  });

  it("is a front for each cabinet, with its name; a low one stands on the floor", () => {
    const cabinets = [
      { name: "A", column: 0, columns: 2 },
      { name: "B", column: 2, columns: 1 },
    ];
    const found = front({ rows: 2, columns: 3, cells: [[1, 2, null], [3, null, 4]], cabinets }, numbers(4));
    expect(drawn(found)).toBe("1 2 / 3 . | . / 4");
    expect(found.map(({ name }) => name)).toEqual(["A", "B"]);
  });

  it("can be walked through in the order of the numbers, however they are placed", () => {
    const [cabinet] = front({ rows: 2, columns: 2, cells: [[3, 1], [4, 2]] }, numbers(4));
    expect(cabinet?.doors.map(({ slot }) => slot)).toEqual([1, 2, 3, 4]);
  });

  it("never hides a slot that the layout forgets or names twice", () => {
    expect(drawn(front({ rows: 1, columns: 2, cells: [[1, 1]] }, numbers(4)))).toBe("1 . / 2 3 / 4 .");
  });

  it("leaves a gap for a slot that is not there", () => {
    expect(drawn(front({ rows: 1, columns: 3, cells: [[1, 9, 2]] }, numbers(2)))).toBe("1 . 2");
  });

  it("is in rows from the top where the site file says nothing", () => {
    expect(drawn(front(undefined, numbers(7)))).toBe("1 2 / 3 4 / 5 6 / 7 .");
    expect([0, 1, 10, 12, 30, 100].map((count) => front(null, numbers(count))[0]?.columns)).toEqual([1, 1, 3, 3, 5, 13]);
  });
});
