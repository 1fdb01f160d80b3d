import i18next from "i18next";
import { SHAPES } from "../ui/Risk";
import type { Place } from "./places";

/** The mark of a station around the origin of an SVG: shape, letter and colour by band; dashed where it is not current. */
export function MapMark({ mark, old }: { mark: Place["mark"]; old: boolean }) {
  if (mark === "none" || mark === "unknown") {
    return <circle className={`mapmark ${mark}${old ? " old" : ""}`} r="6.5" />;
  }
  return (
    <g className={`mapmark ${mark}${old ? " old" : ""}`} transform="translate(-10 -10)">
      <path d={SHAPES[mark]} />
      <text x="10" y={mark === "medium" ? 17 : 14.5}>
        {i18next.t(`riskLetter.${mark}`)}
      </text>
    </g>
  );
}
