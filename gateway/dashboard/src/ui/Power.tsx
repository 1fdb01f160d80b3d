import { kilowatts } from "../i18n/format";
import type { Station } from "../state/types";
import { drawnAs, Value } from "./Value";

/** What a station draws, beside the limit of its grid connection. */
export function Power({ station }: { station: Station }) {
  const { power_w: power, grid_limit_w: limit } = station;
  const as = drawnAs(power !== null, station.power_quality ?? "good", null);
  return (
    <span className="power">
      <span className="number">
        <Value text={kilowatts(power)} as={as} /> <small>/ {kilowatts(limit)} kW</small>
      </span>
      <span className="bar" aria-hidden="true">
        <span style={{ width: `${limit ? Math.min(100, ((power ?? 0) / limit) * 100) : 0}%` }} />
      </span>
    </span>
  );
}
