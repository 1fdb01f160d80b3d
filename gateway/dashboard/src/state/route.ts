import { useSyncExternalStore } from "react";

const MOVED = "swaptwin:moved";

function subscribe(changed: () => void): () => void {
  window.addEventListener("popstate", changed);
  window.addEventListener(MOVED, changed);
  return () => {
    window.removeEventListener("popstate", changed);
    window.removeEventListener(MOVED, changed);
  };
}

export function usePath(): string {
  return useSyncExternalStore(subscribe, () => location.pathname);
}

/** One parameter of the address, so that what is chosen on a page is part of its link. */
export function useParameter(name: string): string | null {
  return useSyncExternalStore(subscribe, () => new URLSearchParams(location.search).get(name));
}

export function go(to: string): void {
  history.pushState(null, "", to);
  window.dispatchEvent(new Event(MOVED));
}

/** Change a parameter without a step in the browser's history; null or an empty one is left out. */
export function setParameter(name: string, value: string | null): void {
  setParameters({ [name]: value });
}

/** The same for several at once. */
export function setParameters(values: Readonly<Record<string, string | null>>): void {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(values)) {
    if (value === null || value === "") url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  if (url.href === location.href) return;
  history.replaceState(null, "", url);
  window.dispatchEvent(new Event(MOVED));
}
