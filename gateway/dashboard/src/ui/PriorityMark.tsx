import { useTranslation } from "react-i18next";
import type { Priority } from "../state/alarms";

const SHAPES: Record<Priority, { path: string; baseline: number }> = {
  1: { path: "M1 1h18v18H1z", baseline: 14.5 },
  2: { path: "M10 0.5L20 19H0z", baseline: 17 },
  3: { path: "M10 0L20 10L10 20L0 10z", baseline: 14.5 },
  4: { path: "M10 1a9 9 0 1 0 0.01 0z", baseline: 14.5 },
};

/** An alarm's priority as shape, number and colour. It blinks while nobody has acknowledged an alarm that holds. */
export function PriorityMark({ priority, blink = false, quiet = false, silent = false }: {
  priority: Priority;
  blink?: boolean;
  /** Drawn without colour: acknowledged, over, or a count of nothing. */
  quiet?: boolean;
  /** For those who cannot see it, what stands beside it says it all. */
  silent?: boolean;
}) {
  const { t } = useTranslation("alarms");
  const { path, baseline } = SHAPES[priority];
  return (
    <svg
      className={`prioritymark p${priority}${blink ? " blink" : ""}${quiet ? " quiet" : ""}`}
      viewBox="0 0 20 20"
      {...(silent ? { "aria-hidden": true } : { role: "img", "aria-label": t(`priority.${priority}`) })}
    >
      <path d={path} />
      <text x="10" y={baseline}>
        {priority}
      </text>
    </svg>
  );
}
