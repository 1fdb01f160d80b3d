import "./network.css";
import { useEffect, useMemo, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { COLUMNS, csvRow } from "../network/csv";
import { Figures } from "../network/Figures";
import { MapPanel } from "../network/MapPanel";
import { usePlaces } from "../network/places";
import { StationList } from "../network/StationList";
import { useCalmOrder } from "../network/useCalmOrder";
import { useLive } from "../state/live";
import { setParameter, useParameter } from "../state/route";
import type { Station } from "../state/types";
import { useMedia } from "../state/useMedia";
import { useTitle } from "../state/useTitle";
import { useTopics } from "../state/useTopics";
import { CsvButton } from "../ui/CsvButton";
import { useKeys } from "../ui/keys";

const MAP = "swaptwin.map";
/** Where list and map have room side by side the map opens by itself. */
const WIDE = "(min-width: 100rem)";
const NO_STATIONS: readonly Station[] = [];

export default function Network() {
  const { t } = useTranslation(["network", "common"]);
  const [keyed, devices] = useTopics("stations", "devices");
  useTitle(t("title"), useLive((live) => live.health?.name));
  const stations = useMemo(
    () => (keyed === undefined ? NO_STATIONS : (Object.values(keyed) as unknown as Station[])),
    [keyed],
  );
  const order = useCalmOrder(stations);
  const search = useRef<HTMLInputElement>(null);
  const query = useParameter("q") ?? "";
  const found = useMemo(() => matching(order.stations, query), [order.stations, query]);
  const [open, setOpen] = useMap(keyed !== undefined);
  useKeys({
    "/": { does: t("keys.search"), run: () => search.current?.focus() },
    Escape: {
      does: t("keys.all"),
      run: () => {
        setParameter("q", "");
        if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
      },
    },
    m: { does: t("keys.map"), run: () => setOpen(!open) },
  });
  return (
    <div className="network">
      <div className="head">
        <h1>{t("title")}</h1>
        <Figures stations={stations} devices={devices} />
      </div>
      <div className={open ? "withmap" : ""}>
        {open && <Places stations={stations} close={() => setOpen(false)} />}
        <section className="panel" aria-labelledby="list-title">
          <header>
            <h2 id="list-title">{t("caption")}</h2>
            <span className="held">
              {order.held && (
                <button type="button" className="button quiet" onClick={order.release}>
                  {t("held")}
                </button>
              )}
            </span>
            <span className="tools">
              <input
                ref={search}
                type="search"
                aria-label={t("search")}
                placeholder={t("search")}
                value={query}
                onChange={(event) => setParameter("q", event.target.value)}
              />
              {!open && (
                <button type="button" className="button quiet" onClick={() => setOpen(true)}>
                  {t("map.title")}
                </button>
              )}
              <CsvButton name="stations" what={t("caption")} columns={COLUMNS} rows={() => found.map(csvRow)} />
            </span>
          </header>
          <StationList stations={found} order={order} />
          {keyed === undefined && <p className="empty">{t("common:waiting")}</p>}
          {keyed !== undefined && stations.length === 0 && <p className="empty">{t("none")}</p>}
          {stations.length > 0 && found.length === 0 && <p className="empty">{t("notFound", { query })}</p>}
        </section>
      </div>
    </div>
  );
}

/** The map's own component, so that the list is not drawn when only the clock has moved on. */
function Places({ stations, close }: { stations: readonly Station[]; close: () => void }) {
  const minute = useLive((live) => (live.now === null ? null : Math.floor(live.now / 10) * 10));
  return <MapPanel places={usePlaces(stations, minute)} close={close} />;
}

/** Whether the map is open: as chosen here before, else by itself on wide screens once the list has been painted. */
function useMap(painted: boolean): [boolean, (open: boolean) => void] {
  const wide = useMedia(WIDE);
  const [chosen, setChosen] = useState(() => localStorage.getItem(MAP));
  const [ready, setReady] = useState(false);
  useEffect(() => {
    if (!painted) return;
    const idle = requestIdleCallback(() => setReady(true), { timeout: 1000 });
    return () => cancelIdleCallback(idle);
  }, [painted]);
  const choose = (open: boolean) => {
    localStorage.setItem(MAP, open ? "open" : "closed");
    setChosen(open ? "open" : "closed");
  };
  return [ready && (chosen === null ? wide : chosen === "open"), choose];
}

function matching(stations: readonly Station[], query: string): readonly Station[] {
  const plain = (text: string) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
  const wanted = plain(query.trim());
  if (wanted === "") return stations;
  return stations.filter(({ id, name }) => plain(`${name} ${id}`).includes(wanted));
}
