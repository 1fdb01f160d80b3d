import { decimal } from "../i18n/format";
import { scaleBar, type View } from "./mercator";

export function ScaleBar({ view }: { view: View }) {
  const { metres, pixels } = scaleBar(view, 120);
  return (
    <span className="scalebar" style={{ width: pixels }}>
      {metres >= 1000 ? `${decimal(metres / 1000, 0)} km` : `${decimal(metres, 0)} m`}
    </span>
  );
}
