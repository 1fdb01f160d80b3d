import { useEffect, useMemo, useState } from "react";
import { within } from "./clip";
import { surroundings, type View } from "./mercator";
import { loadOutline, type Outline } from "./outline";

/** The outline around a view once it is there; stations are shown without it until then. */
export function useOutline(view: View, width: number, height: number): Outline | undefined {
  const [outline, setOutline] = useState<Outline>();
  useEffect(() => {
    let shown = true;
    loadOutline().then(
      (loaded) => shown && setOutline(loaded),
      (error: unknown) => console.warn("the map has no coasts:", error),
    );
    return () => {
      shown = false;
    };
  }, []);
  const box = surroundings(view, width, height);
  return useMemo(() => outline && within(outline, box), [outline, ...box]);
}
