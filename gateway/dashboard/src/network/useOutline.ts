import { useEffect, useState } from "react";
import { loadOutline, type Outline } from "./outline";

/** The outline once it is there; stations are shown without it until then. */
export function useOutline(): Outline | undefined {
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
  return outline;
}
