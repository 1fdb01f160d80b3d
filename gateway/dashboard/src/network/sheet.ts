import { SHAPES } from "../ui/Risk";
import type { Place } from "./places";

const MARKS = ["none", "unknown", "low", "medium", "high"] as const satisfies readonly Place["mark"][];
/** Pixels of one picture; marks are shown at a third of it and stay sharp on fine screens. */
const CELL = 72;

export interface Sheet {
  picture: HTMLCanvasElement;
  cells: Record<string, { x: number; y: number; width: number; height: number }>;
}

export function cellOf({ mark, old }: Pick<Place, "mark" | "old">): string {
  return old ? `${mark}/old` : mark;
}

/** Every mark of the map as a picture beside the others, in the theme's colours and the language's letters. */
export function sheet(colour: (name: string) => string, letters: Partial<Record<Place["mark"], string>>): Sheet {
  const picture = document.createElement("canvas");
  picture.width = CELL * MARKS.length;
  picture.height = CELL * 2;
  const pen = picture.getContext("2d");
  if (pen === null) throw new Error("the browser gives no canvas to draw the map's marks on");
  const cells: Sheet["cells"] = {};
  for (const old of [false, true]) {
    for (const [column, mark] of MARKS.entries()) {
      const place = { x: column * CELL, y: old ? CELL : 0, width: CELL, height: CELL };
      cells[cellOf({ mark, old })] = place;
      pen.save();
      pen.translate(place.x + CELL / 2, place.y + CELL / 2);
      pen.scale(CELL / 24, CELL / 24);
      drawMark(pen, mark, old, colour, letters[mark] ?? "");
      pen.restore();
    }
  }
  return { picture, cells };
}

const FILLS: Record<Place["mark"], string> = {
  none: "--bar",
  unknown: "--surface",
  low: "--abnormal-3",
  medium: "--abnormal-2",
  high: "--abnormal-1",
};

function drawMark(
  pen: CanvasRenderingContext2D,
  mark: Place["mark"],
  old: boolean,
  colour: (name: string) => string,
  letter: string,
): void {
  const shape = new Path2D();
  if (mark === "none" || mark === "unknown") shape.arc(0, 0, 6.5, 0, 2 * Math.PI);
  else shape.addPath(new Path2D(SHAPES[mark]), new DOMMatrix([1, 0, 0, 1, -10, -10]));
  pen.fillStyle = colour(old ? "--surface" : FILLS[mark]);
  pen.fill(shape);
  pen.strokeStyle = colour("--text");
  pen.lineWidth = 1.2;
  pen.setLineDash(old ? [2.5, 2] : []);
  pen.stroke(shape);
  if (letter === "") return;
  pen.fillStyle = colour(old ? "--text" : mark === "high" ? "--on-abnormal-1" : "--on-abnormal");
  pen.font = `700 ${mark === "medium" ? 10 : 12}px sans-serif`;
  pen.textAlign = "center";
  pen.textBaseline = "alphabetic";
  pen.fillText(letter, 0, mark === "medium" ? 6.5 : 4.5);
}
