import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Series, Stretch } from "../state/series";
import { useThemes } from "../state/theme";
import { clockTime, offsetName } from "../i18n/format";
import { timeAxis } from "./axis";

export type LineKind = "live" | "twin" | "truth";

export interface Line {
  kind: LineKind;
  name: string;
  series: Pick<Series, "t" | "v">;
}

interface Props {
  /** All that the chart shows, in words. */
  label: string;
  lines: readonly Line[];
  notGood: readonly Stretch[];
  normal: readonly [number | null, number | null] | null;
  from: number;
  to: number;
  range: readonly [number, number];
  /** The values with a mark on the axis, where there are only these. */
  states?: readonly number[] | null;
  stepped?: boolean;
  /** Whether the values are whole numbers. */
  whole?: boolean;
  zone: string | undefined;
  height?: number;
  /** A value in words: on the axis short, under the pointer as precise as it is known. */
  text(value: number, short: boolean): string;
}

/** What is drawn of a chart besides its lines; read at every drawing, so that only its lines are handed over anew. */
interface Behind {
  notGood: readonly Stretch[];
  normal: Props["normal"];
  range: readonly [number, number];
  text: Props["text"];
  names: readonly string[];
}

/** Lines over time, over the range that is normal; hatched where the data was not good. */
export function TrendChart(props: Props) {
  const { lines, from, to, zone, stepped = false, whole = false, height = 150, states = null } = props;
  const holder = useRef<HTMLDivElement>(null);
  const reading = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const behind = useRef<Behind>(props as never);
  behind.current = { ...props, names: lines.map((line) => line.name) };
  const theme = useThemes((themes) => themes.theme);
  const kinds = lines.map((line) => line.kind).join();

  useEffect(() => {
    const element = holder.current;
    if (element === null) return;
    const read = (text: string) => {
      if (reading.current !== null) reading.current.textContent = text;
    };
    const drawn = kinds.split(",") as LineKind[];
    const empty = [[], ...drawn.map(() => [])] as unknown as uPlot.AlignedData;
    const plot = new uPlot(options(element, { kinds: drawn, zone, stepped, whole, height, states, behind, read }), empty, element);
    chart.current = plot;
    const resize = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      plot.destroy();
      chart.current = null;
    };
  }, [kinds, zone, theme, stepped, whole, height, states]);

  useEffect(() => {
    const plot = chart.current;
    if (plot === null) return;
    const tables = lines.map(({ series }) => [series.t, series.v] as unknown as uPlot.AlignedData);
    plot.setData(uPlot.join(tables), false);
    plot.setScale("x", { min: from, max: to });
  }, [lines, props.normal, from, to, kinds, zone, theme, stepped, whole, height, states]);

  return (
    <div className="trendchart" style={{ height }}>
      <div ref={holder} role="img" aria-label={props.label} />
      <small className="zone" aria-hidden="true">
        {offsetName(to, zone)}
      </small>
      <div className="reading" ref={reading} aria-hidden="true" />
    </div>
  );
}

interface Setup {
  kinds: readonly LineKind[];
  zone: string | undefined;
  stepped: boolean;
  whole: boolean;
  height: number;
  states: readonly number[] | null;
  behind: { readonly current: Behind };
  read(text: string): void;
}

const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 100_000, 1e6, 1e7, 1e8, 1e9, 1e12, 1e15];
const DASH: Record<LineKind, number[]> = { live: [], twin: [7, 4], truth: [2, 3] };

function options(element: HTMLElement, setup: Setup): uPlot.Options {
  const { kinds, zone, stepped, whole, height, states, behind, read } = setup;
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--muted"),
    font: `12px ${style.fontFamily}`,
    grid: { stroke: colour("--grid"), width: 1 },
    ticks: { stroke: colour("--grid"), width: 1, size: 4 },
  };
  const stroke: Record<LineKind, string> = {
    live: colour("--text"),
    twin: colour("--estimate"),
    truth: colour("--muted"),
  };
  const steps = stepped ? uPlot.paths.stepped?.({ align: 1 }) : undefined;
  return {
    width: element.clientWidth,
    height,
    padding: [8, 22, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false, setScale: false }, sync: { key: "trends" } },
    scales: { x: { time: true, auto: false }, y: { range: () => [...behind.current.range] as [number, number] } },
    axes: [
      { ...axis, ...timeAxis(zone) },
      {
        ...axis,
        size: 72,
        space: 28,
        values: (_plot, marks) => marks.map((mark) => behind.current.text(mark, true)),
        ...(states !== null && { splits: () => [...states] }),
        ...(whole && { incrs: WHOLE }),
      },
    ],
    series: [
      {},
      ...kinds.map((kind) => ({
        stroke: stroke[kind],
        width: kind === "live" ? 2 : 1.5,
        dash: DASH[kind],
        points: { show: false },
        ...(steps && { paths: steps }),
      })),
    ],
    hooks: {
      drawClear: [(plot) => drawBehind(plot, behind.current, colour)],
      setCursor: [(plot) => read(readingAt(plot, behind.current, zone))],
    },
  };
}

function drawBehind(plot: uPlot, { normal, notGood }: Behind, colour: (name: string) => string): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  const inside = (at: number, low: number, size: number) => Math.min(Math.max(at, low), low + size);
  ctx.save();
  if (normal !== null) {
    const y = (value: number | null, without: number) =>
      value === null ? without : inside(plot.valToPos(value, "y", true), bbox.top, bbox.height);
    const top = y(normal[1], bbox.top);
    const bottom = y(normal[0], bbox.top + bbox.height);
    ctx.fillStyle = colour("--normal");
    ctx.fillRect(bbox.left, top, bbox.width, bottom - top);
  }
  if (notGood.length > 0) {
    ctx.beginPath();
    for (const [start, end] of notGood) {
      const left = inside(plot.valToPos(start, "x", true), bbox.left, bbox.width);
      const right = inside(plot.valToPos(end, "x", true), bbox.left, bbox.width);
      ctx.rect(left, bbox.top, Math.max(right - left, ratio), bbox.height);
    }
    ctx.clip();
    ctx.setLineDash([]);
    ctx.strokeStyle = colour("--hatch");
    ctx.lineWidth = 2 * ratio;
    ctx.beginPath();
    for (let x = bbox.left - bbox.height; x < bbox.left + bbox.width; x += 7 * ratio) {
      ctx.moveTo(x, bbox.top + bbox.height);
      ctx.lineTo(x + bbox.height, bbox.top);
    }
    ctx.stroke();
  }
  ctx.restore();
}

/** What the lines say under the pointer, each with the latest value that it had by then. */
function readingAt(plot: uPlot, { names, text }: Behind, zone: string | undefined): string {
  const index = plot.cursor.idx;
  const time = index == null ? undefined : plot.data[0][index];
  if (index == null || time === undefined) return "";
  const parts = names.map((name, line) => {
    const values = plot.data[line + 1];
    let at = index;
    while (at > 0 && values?.[at] === undefined) at -= 1;
    const value = values?.[at];
    return value == null ? null : `${name} ${text(value, false)}`;
  });
  return [`${clockTime(time, zone)} ${offsetName(time, zone)}`, ...parts.filter((part) => part !== null)].join("  ·  ");
}
