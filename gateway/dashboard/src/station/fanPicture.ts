import uPlot from "uplot";
import { percent } from "../i18n/format";
import { AT } from "./fanData";
import type { Table } from "./table";
import { upright, type Paint, type Picture } from "./TimePlot";

/** What is drawn over the series, as it is at the moment of drawing. */
export interface Overlay {
  now: number;
  /** When packs that charge are ready. */
  etas: readonly { slot: number; time: number }[];
  words: { now: string; asIs: string; whatIf: string };
  compared: boolean;
}

export function fanPicture(paint: Paint, slots: number, overlay: () => Overlay): Picture {
  const hidden = { stroke: "transparent", width: 0, points: { show: false } };
  const { colour } = paint;
  const fan = (name: string, dash: number[]): uPlot.Series[] => [
    hidden,
    hidden,
    hidden,
    hidden,
    { stroke: colour(name), width: 2, dash, points: { show: false } },
  ];
  const chance = (stroke: string, dash: number[]): uPlot.Series => ({
    scale: "p",
    stroke,
    width: 1.5,
    dash,
    points: { show: true, size: 6, fill: stroke, width: 0 },
  });
  const stepped = uPlot.paths.stepped?.({ align: 1 });
  return {
    scales: { y: { range: [0, Math.max(1, slots)] }, p: { range: [0, 1] } },
    axes: [
      { incrs: [1, 2, 5, 10, 20, 50, 100], size: 32, space: 28 },
      {
        side: 1,
        scale: "p",
        incrs: [0.25, 0.5, 1],
        size: 52,
        grid: { show: false },
        values: (_plot, ticks) => ticks.map(percent),
      },
    ],
    series: [
      { stroke: colour("--text"), width: 2, points: { show: false }, ...(stepped && { paths: stepped }) },
      ...fan("--estimate", [6, 4]),
      { scale: "p", stroke: colour("--risk-line"), width: 1.5, points: { show: false }, ...(stepped && { paths: stepped }) },
      chance(colour("--risk-line"), [2, 3]),
      ...fan("--other-line", [10, 3, 2, 3]),
      chance(colour("--other-line"), [2, 3]),
      { stroke: colour("--estimate"), width: 1, dash: [1, 3], points: { show: false } },
    ],
    bands: [
      { series: [AT.fan.p95, AT.fan.p05], fill: colour("--fan-outer") },
      { series: [AT.fan.p75, AT.fan.p25], fill: colour("--fan-inner") },
      { series: [AT.other.p95, AT.other.p05], fill: colour("--other-outer") },
      { series: [AT.other.p75, AT.other.p25], fill: colour("--other-inner") },
    ],
    draw(plot) {
      const { now, words, etas, compared } = overlay();
      upright(plot, paint, now, words.now);
      etaTicks(plot, paint, etas);
      if (compared) nameEnds(plot, paint, words);
    },
  };
}

/** A short line on the axis for each pack that becomes ready, with its slot; numbers that would touch are stacked. */
function etaTicks(plot: uPlot, paint: Paint, etas: Overlay["etas"]): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const floor = bbox.top + bbox.height;
  const ends: number[] = [];
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = paint.colour("--muted");
  ctx.lineWidth = ratio;
  ctx.font = paint.font(11 * ratio);
  ctx.textAlign = "center";
  ctx.textBaseline = "bottom";
  for (const { slot, time } of [...etas].sort((a, b) => a.time - b.time)) {
    const x = Math.round(plot.valToPos(time, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    const half = ctx.measureText(String(slot)).width / 2 + 2 * ratio;
    let row = 0;
    while ((ends[row] ?? -Infinity) > x - half) row += 1;
    ends[row] = x + half;
    const top = floor - (7 + row * 12) * ratio;
    ctx.beginPath();
    ctx.moveTo(x, floor);
    ctx.lineTo(x, top);
    ctx.stroke();
    ctx.fillText(String(slot), x, top);
  }
  ctx.restore();
}

/** Two fans are told apart by name, not by colour alone: each at the end of its median. */
function nameEnds(plot: uPlot, paint: Paint, words: Overlay["words"]): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const data = plot.data as unknown as Table;
  const end = (series: number) => data[series]?.findLast((value) => value != null);
  const [one, two] = [end(AT.fan.p50), end(AT.other.p50)];
  if (one == null || two == null) return;
  ctx.save();
  ctx.font = paint.font(12 * ratio);
  ctx.textAlign = "right";
  const x = bbox.left + bbox.width - 4 * ratio;
  const write = (value: number, above: boolean, word: string, colour: string) => {
    ctx.fillStyle = paint.colour(colour);
    ctx.textBaseline = above ? "bottom" : "top";
    const y = plot.valToPos(value, "y", true) + (above ? -4 : 4) * ratio;
    ctx.fillText(word, x, Math.min(Math.max(y, bbox.top + 14 * ratio), bbox.top + bbox.height - 14 * ratio));
  };
  write(one, one > two, words.asIs, "--estimate");
  write(two, two >= one, words.whatIf, "--other-line");
  ctx.restore();
}
