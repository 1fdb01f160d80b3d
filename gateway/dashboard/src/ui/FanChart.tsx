import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Trace } from "../state/trace";
import type { Forecast } from "../state/types";

const HEIGHT = 300;
const FUTURE_S = 7200;
/** The picture moves on by this much at a time. */
const STEP_S = 5;

const NOTHING = Array.from({ length: 7 }, () => []) as unknown as uPlot.AlignedData;

interface Props {
  trace: Trace;
  forecast: Forecast | undefined;
  now: number | null;
  slots: number;
  zone: string | undefined;
  past: number;
}

/** Measured ready packs up to now and the forecast's bands after it, on one axis of time. */
export function FanChart({ trace, forecast, now, slots, zone, past }: Props) {
  const holder = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const nowLine = useRef(0);
  const dark = useDark();
  const step = now === null ? null : Math.floor(now / STEP_S) * STEP_S;

  useEffect(() => {
    const element = holder.current;
    if (element === null) return;
    const plot = new uPlot(options(element, slots, zone, nowLine), NOTHING, element);
    chart.current = plot;
    const resize = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      plot.destroy();
      chart.current = null;
    };
  }, [slots, zone, dark]);

  useEffect(() => {
    if (chart.current === null || step === null) return;
    nowLine.current = step;
    chart.current.setData(table(trace, forecast, step - past), false);
    chart.current.setScale("x", { min: step - past, max: step + FUTURE_S });
  }, [trace, forecast, step, slots, zone, dark, past]);

  return <div className="chart" ref={holder} role="img" aria-label={label(forecast, trace, now, past)} />;
}

function table(trace: Trace, forecast: Forecast | undefined, from: number): uPlot.AlignedData {
  const measured = trace.since(from) as unknown as uPlot.AlignedData;
  if (forecast === undefined) return [...measured, [], [], [], [], []] as unknown as uPlot.AlignedData;
  const { t, p05, p25, p50, p75, p95 } = forecast.ready;
  return uPlot.join([measured, [t, p95, p75, p25, p05, p50] as unknown as uPlot.AlignedData]);
}

function label(forecast: Forecast | undefined, trace: Trace, now: number | null, past: number): string {
  const [, values] = trace.since((now ?? 0) - past);
  const last = values.at(-1);
  const measured = last == null ? "Ready packs are not known now." : `${last} ready packs now.`;
  const end = forecast?.ready.p50.length ? forecast.ready.p50.length - 1 : null;
  if (forecast === undefined || end === null) return `Chart of ready packs. ${measured} No forecast yet.`;
  const { p05, p50, p95 } = forecast.ready;
  return `Chart of ready packs. ${measured} In two hours: median ${p50[end]}, between ${p05[end]} and ${p95[end]} with 90 percent probability.`;
}

function useDark(): boolean {
  const [dark, setDark] = useState(() => matchMedia("(prefers-color-scheme: dark)").matches);
  useEffect(() => {
    const query = matchMedia("(prefers-color-scheme: dark)");
    const changed = () => setDark(query.matches);
    query.addEventListener("change", changed);
    return () => query.removeEventListener("change", changed);
  }, []);
  return dark;
}

function options(element: HTMLElement, slots: number, zone: string | undefined, nowLine: { current: number }): uPlot.Options {
  const style = getComputedStyle(element);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const font = `12px ${style.fontFamily}`;
  const axis = {
    stroke: colour("--muted"),
    font,
    grid: { stroke: colour("--grid"), width: 1 },
    ticks: { stroke: colour("--grid"), width: 1, size: 4 },
  };
  const edge = { stroke: "transparent", width: 0, points: { show: false } };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [12, 22, 0, 0],
    cursor: { show: false },
    legend: { show: false },
    ...(zone && { tzDate: (seconds: number) => uPlot.tzDate(new Date(seconds * 1000), zone) }),
    scales: { x: { time: true, auto: false }, y: { range: [0, Math.max(1, slots)] } },
    axes: [
      { ...axis, values: [[3600, "{HH}:{mm}", null, null, null, null, null, null, 1], [60, "{HH}:{mm}", null, null, null, null, null, null, 1]], space: 64, size: 30 },
      { ...axis, incrs: [1, 2, 5, 10, 20, 50, 100], size: 36, space: 28 },
    ],
    series: [
      {},
      {
        stroke: colour("--text"),
        width: 2,
        points: { show: false },
        ...(uPlot.paths.stepped && { paths: uPlot.paths.stepped({ align: 1 }) }),
      },
      edge,
      edge,
      edge,
      edge,
      { stroke: colour("--estimate"), width: 2, dash: [6, 4], points: { show: false } },
    ],
    bands: [
      { series: [2, 5], fill: colour("--fan-outer") },
      { series: [3, 4], fill: colour("--fan-inner") },
    ],
    hooks: {
      draw: [
        (plot) => {
          const x = Math.round(plot.valToPos(nowLine.current, "x", true));
          const { ctx, bbox } = plot;
          ctx.save();
          ctx.strokeStyle = colour("--muted");
          ctx.fillStyle = colour("--muted");
          ctx.lineWidth = devicePixelRatio;
          ctx.beginPath();
          ctx.moveTo(x, bbox.top);
          ctx.lineTo(x, bbox.top + bbox.height);
          ctx.stroke();
          ctx.font = `${12 * devicePixelRatio}px ${style.fontFamily}`;
          ctx.textAlign = "right";
          ctx.textBaseline = "top";
          ctx.fillText("now", x - 5 * devicePixelRatio, bbox.top + 2 * devicePixelRatio);
          ctx.restore();
        },
      ],
    },
  };
}
