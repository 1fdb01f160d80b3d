import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { clockTime } from "../i18n/format";
import { timeAxis, zoneLabel } from "../ui/axis";
import type { Table } from "./table";

/** Charts with this key show the time under the pointer at the same place. */
const TOGETHER = "station";

/** What a chart draws, apart from its axis of time. */
export interface Picture {
  /** Without the first, which is time. */
  series: uPlot.Series[];
  bands?: uPlot.Band[];
  scales: uPlot.Scales;
  axes: uPlot.Axis[];
  draw?(plot: uPlot): void;
}

export interface Paint {
  colour(name: string): string;
  font(px: number): string;
}

interface Props {
  /** What the chart shows, in words. */
  label: string;
  height: number;
  data: Table;
  from: number;
  to: number;
  zone: string | undefined;
  /** Everything that the picture depends on but the data: the chart is built anew when this changes. */
  look: string;
  picture(paint: Paint): Picture;
  /** The values at one time as words, for the line below the chart. */
  told(index: number): string;
}

/** A chart over time. New data is drawn into it; it is laid out anew only when its look or its size changes. */
export function TimePlot(props: Props) {
  const { label, height, data, from, to, zone, look } = props;
  const holder = useRef<HTMLDivElement>(null);
  const told = useRef<HTMLParagraphElement>(null);
  const chart = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;

  useEffect(() => {
    const element = holder.current;
    if (element === null) return;
    const plot = new uPlot(options(element, () => latest.current, told), aligned(latest.current.data), element);
    chart.current = plot;
    const resize = new ResizeObserver(() => {
      if (plot.width !== element.clientWidth) plot.setSize({ width: element.clientWidth, height: latest.current.height });
    });
    resize.observe(element);
    return () => {
      resize.disconnect();
      plot.destroy();
      chart.current = null;
    };
  }, [look, zone, height]);

  useEffect(() => {
    const plot = chart.current;
    if (plot === null) return;
    plot.batch(() => {
      plot.setData(aligned(data), false);
      plot.setScale("x", { min: from, max: to });
    });
  }, [data, from, to, look, zone, height]);

  return (
    <div className="timeplot">
      <div className="chart" style={{ height }} ref={holder} role="img" aria-label={label} />
      <p className="told" aria-hidden="true">
        <span ref={told} />
        <span className="zone">{zoneLabel(to, zone)}</span>
      </p>
    </div>
  );
}

function aligned(table: Table): uPlot.AlignedData {
  return table as unknown as uPlot.AlignedData;
}

function options(
  element: HTMLElement,
  props: () => Props,
  told: { current: HTMLElement | null },
): uPlot.Options {
  const style = getComputedStyle(element);
  const paint: Paint = {
    colour: (name) => style.getPropertyValue(name).trim(),
    font: (px) => `${px}px ${style.fontFamily}`,
  };
  const { height, zone, picture, from, to } = props();
  const { series, bands, scales, axes, draw } = picture(paint);
  const line = { stroke: paint.colour("--grid"), width: 1 };
  const common = { stroke: paint.colour("--muted"), font: paint.font(12), grid: line, ticks: { ...line, size: 4 } };
  return {
    width: element.clientWidth,
    height,
    padding: [12, axes.some((axis) => axis.side === 1) ? 0 : 24, 0, 0],
    legend: { show: false },
    cursor: {
      sync: { key: TOGETHER, setSeries: false, scales: ["x", null] },
      drag: { x: false, y: false },
      y: false,
      points: { show: false },
    },
    scales: { x: { time: true, auto: false, min: from, max: to }, ...scales },
    axes: [
      {
        ...common,
        ...timeAxis(zone),
      },
      ...axes.map((axis) => ({ ...common, ...axis })),
    ],
    series: [{}, ...series],
    ...(bands && { bands }),
    hooks: {
      ...(draw && { draw: [draw] }),
      setCursor: [
        (plot) => {
          if (told.current === null) return;
          const { idx } = plot.cursor;
          const time = idx == null ? undefined : plot.data[0][idx];
          told.current.textContent =
            time === undefined || idx == null ? "" : `${clockTime(time, zone, false)}: ${props().told(idx)}`;
        },
      ],
    },
  };
}

/** An upright line with a word beside it. */
export function upright(plot: uPlot, paint: Paint, time: number, word: string): void {
  const x = Math.round(plot.valToPos(time, "x", true));
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = paint.colour("--muted");
  ctx.lineWidth = ratio;
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.font = paint.font(12 * ratio);
  ctx.textAlign = "right";
  ctx.textBaseline = "top";
  ctx.fillText(word, x - 5 * ratio, bbox.top + 2 * ratio);
  ctx.restore();
}
