import { lazy, Suspense, useEffect } from "react";
import { Network } from "./pages/Network";
import { usePath } from "./state/route";
import { useLive } from "./state/live";
import { Header } from "./ui/Header";
import { Link } from "./ui/Link";
import { LinkStrip } from "./ui/LinkStrip";

// The chart comes with the station page: the network page is there sooner without it.
const Station = lazy(() => import("./pages/Station"));

export function App() {
  const path = usePath();
  const link = useLive((live) => live.link.phase);
  const everLive = useLive((live) => live.everLive);
  const station = /^\/station\/([^/]+)\/?$/.exec(path)?.[1];
  // On a new page the reader starts at its head; a page that was opened directly keeps the browser's own focus.
  useEffect(() => {
    if (everLive) window.scrollTo(0, 0);
  }, [path]);
  return (
    <div className="app" data-offline={everLive && link !== "live"}>
      <Header />
      <LinkStrip />
      <main id="main">
        {station !== undefined ? (
          <Suspense>
            <Station key={station} id={decodeURIComponent(station)} />
          </Suspense>
        ) : path === "/" ? (
          <Network />
        ) : (
          <section className="panel message">
            <h1>No such page</h1>
            <p>
              Nothing is at this address. <Link to="/">Go to the network</Link>.
            </p>
          </section>
        )}
      </main>
    </div>
  );
}
