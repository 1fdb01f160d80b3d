import { useEffect, useRef } from "react";
import { create } from "zustand";

/** What a key does, in the user's language, and the doing. Keys are named as `KeyboardEvent.key`: "j", "Enter", "?". */
export interface KeyAction {
  does: string;
  run: () => void;
}
export type Keys = Readonly<Record<string, KeyAction>>;

const STORED = "swaptwin.keys";

/** The keys of what is on the page, innermost last, and whether keys of one character work (WCAG 2.1.4). */
export const useRegistry = create<{ layers: readonly { current: Keys }[]; on: boolean }>(() => ({
  layers: [],
  on: localStorage.getItem(STORED) !== "off",
}));

export function switchKeys(on: boolean): void {
  localStorage.setItem(STORED, on ? "on" : "off");
  useRegistry.setState({ on });
}

/** Keys that work while the component is shown; of two that name the same key, the one that came later has it. */
export function useKeys(keys: Keys): void {
  const layer = useRef(keys);
  useEffect(() => {
    layer.current = keys;
  });
  useEffect(() => {
    useRegistry.setState(({ layers }) => ({ layers: [...layers, layer] }));
    return () => useRegistry.setState(({ layers }) => ({ layers: layers.filter((other) => other !== layer) }));
  }, []);
}

/** Every key that works now. */
export function workingKeys(): ReadonlyMap<string, KeyAction> {
  return new Map(useRegistry.getState().layers.flatMap((layer) => Object.entries(layer.current)));
}

export function startKeys(): void {
  window.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]") !== null) return;
    const target = event.target instanceof Element ? event.target : null;
    const typing = target?.closest("input, textarea, select, [contenteditable]") != null;
    if (typing && event.key !== "Escape") return;
    if (event.key === "Enter" && target?.closest("a, button, summary") != null) return;
    if (event.key.length === 1 && !useRegistry.getState().on) return;
    const action = workingKeys().get(event.key);
    if (action === undefined) return;
    event.preventDefault();
    action.run();
  });
}
