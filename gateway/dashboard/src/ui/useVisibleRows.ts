import { useEffect, useRef, useState } from "react";

/** Up to here all rows are drawn: finding words on the page and printing work as always. */
const ALL = 120;
const SPARE = 12;
/** Below this width every row is a card of its own height. */
const NARROW = "(max-width: 60rem), print";

export interface Visible {
  body: React.RefObject<HTMLTableSectionElement | null>;
  first: number;
  last: number;
  /** Heights in pixels of what is not drawn, above and below. */
  before: number;
  after: number;
}

/** Which of many rows of one height are in sight, as the page is scrolled. */
export function useVisibleRows(rows: number, rowPx: number): Visible {
  const body = useRef<HTMLTableSectionElement>(null);
  const [range, setRange] = useState<[number, number]>([0, ALL]);
  useEffect(() => {
    if (rows <= ALL) return;
    const narrow = matchMedia(NARROW);
    const look = () => {
      const top = body.current?.getBoundingClientRect().top ?? 0;
      const first = Math.max(0, Math.floor(-top / rowPx) - SPARE);
      const seen = Math.ceil(window.innerHeight / rowPx) + 2 * SPARE;
      const next: [number, number] = narrow.matches ? [0, rows] : [first, Math.min(rows, first + seen)];
      setRange((now) => (now[0] === next[0] && now[1] === next[1] ? now : next));
    };
    look();
    window.addEventListener("scroll", look, { passive: true });
    window.addEventListener("resize", look);
    narrow.addEventListener("change", look);
    return () => {
      window.removeEventListener("scroll", look);
      window.removeEventListener("resize", look);
      narrow.removeEventListener("change", look);
    };
  }, [rows, rowPx]);
  const [first, last] = rows <= ALL ? [0, rows] : [Math.min(range[0], rows), Math.min(range[1], rows)];
  return { body, first, last, before: first * rowPx, after: (rows - last) * rowPx };
}
