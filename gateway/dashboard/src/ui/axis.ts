import type uPlot from "uplot";
import { clockTime, dateAndZone, offsetOf } from "../i18n/format";

const STEPS_S = [60, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];
/** Room that one label needs, in CSS pixels. */
const SPACE = 64;
/** Nearer to the left end a label would touch what stands beside the axis. */
const EDGE = 12;

/**
 * Round moments of the zone's own clock from `from` to `to`, in UTC seconds. They follow the zone through a clock
 * change, which uPlot's own axis, borrowing the browser's zone, cannot.
 */
export function ticks(from: number, to: number, most: number, zone: string | undefined): number[] {
  const step = STEPS_S.find((candidate) => (to - from) / candidate <= most) ?? Math.ceil((to - from) / most / 86_400) * 86_400;
  const found: number[] = [];
  let offset = offsetOf(from, zone);
  let at = Math.ceil((from + offset) / step) * step - offset;
  while (at <= to) {
    found.push(at);
    let next = at + step;
    const changed = offsetOf(next, zone);
    if (changed !== offset) {
      const aligned = Math.round((next + changed) / step) * step - changed;
      if (aligned > at) next = aligned;
      offset = changed;
    }
    at = next;
  }
  return found;
}

/** uPlot's axis of time in a zone: give it to `axes[0]`, with `label: zoneLabel(…)` so that the zone stands on it. */
export function timeAxis(zone: string | undefined): Pick<uPlot.Axis, "splits" | "values" | "size"> {
  return {
    size: 30,
    splits: (plot, _axis, min, max) => ticks(min, max, Math.max(2, plot.bbox.width / devicePixelRatio / SPACE), zone),
    values: (plot, splits) =>
      splits.map((time, i) => {
        if (plot.valToPos(time, "x") < EDGE) return "";
        const step = (splits[1] ?? time) - (splits[0] ?? time);
        const clock = clockTime(time, zone, step < 60);
        return clock === "00:00" || (i === 0 && step >= 43_200) ? dateAndZone(time, zone).date : clock;
      }),
  };
}

/** What stands on an axis of time: the zone and its offset. */
export function zoneLabel(time: number, zone: string | undefined): string {
  return dateAndZone(time, zone).zone;
}
