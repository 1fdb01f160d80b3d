import type { Front } from "./cabinet3d";
import { ink, shade } from "./faces";
import type { Look } from "./look";

const CELL = { width: 120, height: 86 };
const INSET = 4;

/** The cabinet's front without 3D, for browsers that draw none. The list beside it is the way by keyboard. */
export function CabinetFlat(props: {
  fronts: readonly Front[];
  rows: number;
  columns: number;
  look: Look;
  pointed: number | null;
  choose(slot: number): void;
}) {
  const { fronts, rows, columns, look, pointed, choose } = props;
  return (
    <svg viewBox={`-6 -6 ${columns * CELL.width + 12} ${rows * CELL.height + 12}`} aria-hidden="true">
      <rect x={-6} y={-6} width={columns * CELL.width + 12} height={rows * CELL.height + 12} fill={look.body} />
      <pattern id="flathatch" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <rect width="2" height="8" fill={look.line} />
      </pattern>
      {fronts.map((front) => {
        const { number, text, share, hatched, empty, mark } = front.paint;
        const ground = share === null ? look.ground : shade(share, look.low, look.high);
        const box = { x: INSET, y: INSET, width: CELL.width - 2 * INSET, height: CELL.height - 2 * INSET };
        const written = { fill: ink(ground) };
        return (
          <g
            key={front.slot}
            transform={`translate(${front.column * CELL.width} ${front.row * CELL.height})`}
            onClick={() => choose(front.slot)}
          >
            <rect
              {...box}
              fill={ground}
              stroke={mark !== "" ? look.abnormal : front.slot === pointed ? look.focus : look.line}
              strokeWidth={mark !== "" || front.slot === pointed ? 5 : 1.5}
              {...(empty && { strokeDasharray: "6 4" })}
            />
            {hatched && <rect {...box} fill="url(#flathatch)" opacity={0.45} />}
            <text x={22} y={28} style={written}>
              {number}
            </text>
            {mark !== "" && (
              <text x={CELL.width - 20} y={28} style={written}>
                {mark}
              </text>
            )}
            <text x={CELL.width / 2} y={60} style={written}>
              {text}
            </text>
          </g>
        );
      })}
    </svg>
  );
}
