import { useEffect, useLayoutEffect, useState, type RefObject } from "react";
import { useMedia } from "../state/useMedia";

/** Rows drawn beyond what is seen, so that neither scrolling nor Tab meets an end. */
const BEYOND = 8;
/** So few are all drawn. */
const FEW = 40;
const FIRST_GUESS_PX = 46;

export interface WindowRows {
  first: number;
  /** One after the last. */
  end: number;
  /** Height of one row; all are of the same. */
  height: number;
}

/** Which of `count` rows of one height are worth drawing, as the window is scrolled; all of them on paper. */
export function useWindowRows(count: number, body: RefObject<HTMLElement | null>): WindowRows {
  const [height, setHeight] = useState(FIRST_GUESS_PX);
  const [from, setFrom] = useState(0);
  const [rows, setRows] = useState(FEW);
  const printing = useMedia("print");
  useLayoutEffect(() => {
    const row = body.current?.querySelector<HTMLElement>("[data-row]");
    if (row && Math.abs(row.offsetHeight - height) > 0.5) setHeight(row.offsetHeight);
  });
  useEffect(() => {
    const look = () => {
      const top = body.current?.getBoundingClientRect().top ?? 0;
      setFrom(Math.max(0, Math.floor(-top / height / BEYOND) * BEYOND));
      setRows(Math.ceil(innerHeight / height) + BEYOND);
    };
    look();
    const resize = new ResizeObserver(look);
    resize.observe(document.body);
    window.addEventListener("scroll", look, { passive: true });
    window.addEventListener("resize", look);
    return () => {
      resize.disconnect();
      window.removeEventListener("scroll", look);
      window.removeEventListener("resize", look);
    };
  }, [height, body]);
  if (printing || count <= FEW) return { first: 0, end: count, height };
  const first = Math.max(0, Math.min(from - BEYOND, count - rows));
  return { first, end: Math.min(count, from + rows + BEYOND), height };
}
