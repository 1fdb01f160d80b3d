import type { Box } from "./mercator";
import type { Outline } from "./outline";

type Position = [number, number];

/** The part of the outline within a box: the rest would cost its drawing and not be seen. */
export function within(outline: Outline, box: Box): Outline {
  return {
    land: outline.land.flatMap((polygon) => {
      if (polygon[0] === undefined || !touches(polygon[0], box)) return [];
      const rings = polygon.map((ring) => clipRing(ring, box)).filter((ring) => ring.length > 3);
      return rings.length > 0 ? [rings] : [];
    }),
    borders: outline.borders.flatMap((line) => (touches(line, box) ? runs(line, box) : [])),
  };
}

function touches(points: readonly Position[], [west, south, east, north]: Box): boolean {
  let [left, bottom, right, top] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of points) {
    left = Math.min(left, x);
    right = Math.max(right, x);
    bottom = Math.min(bottom, y);
    top = Math.max(top, y);
  }
  return right >= west && left <= east && top >= south && bottom <= north;
}

/** Sutherland and Hodgman: the ring is cut at one side of the box after the other. */
function clipRing(ring: readonly Position[], [west, south, east, north]: Box): Position[] {
  const sides: [axis: 0 | 1, limit: number, sign: 1 | -1][] = [
    [0, west, 1],
    [0, east, -1],
    [1, south, 1],
    [1, north, -1],
  ];
  let points = ring.slice(0, -1);
  for (const [axis, limit, sign] of sides) {
    const inside = (point: Position) => sign * (point[axis] - limit) >= 0;
    points = points.flatMap((point, i) => {
      const before = points.at(i - 1) ?? point;
      const kept = inside(point) ? [point] : [];
      return inside(point) === inside(before) ? kept : [crossing(before, point, axis, limit), ...kept];
    });
  }
  return points[0] === undefined ? [] : [...points, points[0]];
}

function crossing(a: Position, b: Position, axis: 0 | 1, limit: number): Position {
  const share = (limit - a[axis]) / (b[axis] - a[axis]);
  return [a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])];
}

/** The stretches of a line of which every step touches the box. */
function runs(line: readonly Position[], box: Box): Position[][] {
  const found: Position[][] = [];
  let run: Position[] = [];
  for (const [i, point] of line.entries()) {
    const before = line[i - 1];
    if (before === undefined) continue;
    if (touches([before, point], box)) {
      if (run.length === 0) run.push(before);
      run.push(point);
    } else if (run.length > 0) {
      found.push(run);
      run = [];
    }
  }
  return run.length > 0 ? [...found, run] : found;
}
