import { useEffect } from "react";

export function useTitle(page: string, site: string | undefined): void {
  useEffect(() => {
    document.title = site === undefined ? `${page} – swaptwin` : `${page} – ${site}`;
  }, [page, site]);
}
