import { describe, expect, it } from "vitest";
import { front, type Front } from "./front";

const numbers = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

/** The cells as text, a line for each row: "1 3 5 / 2 . 4". */
function drawn({ columns, cells }: Front): string {
  const rows = Math.max(0, ...cells.map(({ row }) => row));
  const at = (row: number, column: number) =>
    cells.find((cell) => cell.row === row && cell.column === column)?.slot ?? (columns[column - 1] === "space" ? "|" : ".");
  return numbers(rows)
    .map((row) => columns.map((_, c) => at(row, c + 1)).join(" "))
    .join(" / ");
}

describe("the front of a cabinet", () => {
  it("is as the site file lays it out, with its gaps and its numbering", () => {
    const layout = { rows: 2, columns: 3, cells: [[1, 3, 5], [2, null, 4]] };
    expect(drawn(front(layout, numbers(5)))).toBe("1 3 5 / 2 . 4");
  });

  it("leaves a space between cabinets, and names them where they have names", () => {
    const cabinets = [
      { name: "A", column: 0, columns: 2 },
      { name: "B", column: 2, columns: 1 },
    ];
    const found = front({ rows: 2, columns: 3, cells: [[1, 2, 4], [3, null, 5]], cabinets }, numbers(5));
    expect(drawn(found)).toBe("1 2 | 4 / 3 . | 5");
    expect(found.names).toEqual([
      { name: "A", column: 1, columns: 2 },
      { name: "B", column: 4, columns: 1 },
    ]);
    expect(front(undefined, numbers(2)).names).toEqual([]);
  });

  it("never hides a slot that the layout forgets or names twice", () => {
    expect(drawn(front({ rows: 1, columns: 2, cells: [[1, 1]] }, numbers(4)))).toBe("1 . / 2 3 / 4 .");
  });

  it("leaves a gap for a slot that is not there", () => {
    expect(drawn(front({ rows: 1, columns: 3, cells: [[1, 9, 2]] }, numbers(2)))).toBe("1 . 2");
  });

  it("is in rows from the top where the site file says nothing", () => {
    expect(drawn(front(undefined, numbers(7)))).toBe("1 2 / 3 4 / 5 6 / 7 .");
    expect([0, 1, 10, 12, 30, 100].map((count) => front(null, numbers(count)).columns.length)).toEqual([1, 1, 3, 3, 5, 13]);
  });
});
