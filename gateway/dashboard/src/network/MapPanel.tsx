import { lazy, Suspense, useEffect, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { Guard } from "../ui/Guard";
import { MapMark } from "./MapMark";
import type { Place } from "./places";
import { hasWebGl } from "./webgl";

const GlMap = lazy(() => import("./GlMap"));
const PlainMap = lazy(() => import("./PlainMap"));

const PLAIN = "swaptwin.plainMap";
const LEGEND = ["high", "medium", "low", "none", "unknown"] as const;

/** The map of the stations: on WebGL, or as plain graphics where that is missing or not wanted. */
export function MapPanel({ places, close }: { places: readonly Place[]; close: () => void }) {
  const { t } = useTranslation("network");
  const [able] = useState(hasWebGl);
  const [plain, setPlain] = useState(() => localStorage.getItem(PLAIN) === "on");
  const frame = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState<{ width: number; height: number }>();
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const resize = new ResizeObserver(() => setSize({ width: element.clientWidth, height: element.clientHeight }));
    resize.observe(element);
    return () => resize.disconnect();
  }, []);
  const Chosen = able && !plain ? GlMap : PlainMap;
  return (
    <section className="panel map" aria-labelledby="map-title">
      <header>
        <h2 id="map-title">{t("map.title")}</h2>
        <span className="tools">
          {able && (
            <label className="choice">
              <input
                type="checkbox"
                checked={plain}
                onChange={(event) => {
                  localStorage.setItem(PLAIN, event.target.checked ? "on" : "off");
                  setPlain(event.target.checked);
                }}
              />
              {t("map.plain")}
            </label>
          )}
          <button type="button" className="button quiet" onClick={close}>
            {t("map.close")}
          </button>
        </span>
      </header>
      <div className="mapframe" ref={frame}>
        <Guard key={String(plain)}>
          <Suspense fallback={<p className="empty">{t("map.loading")}</p>}>
            {size !== undefined && places.length > 0 && <Chosen places={places} {...size} />}
          </Suspense>
        </Guard>
      </div>
      <ul className="maplegend" aria-label={t("map.meaning")}>
        <li aria-hidden="true">{t("map.meaning")}</li>
        {LEGEND.map((mark) => (
          <li key={mark}>
            <svg viewBox="-12 -12 24 24" aria-hidden="true">
              <MapMark mark={mark} old={false} />
            </svg>
            {t(`map.${mark}`)}
          </li>
        ))}
        <li>
          <svg viewBox="-12 -12 24 24" aria-hidden="true">
            <MapMark mark="none" old />
          </svg>
          {t("map.old")}
        </li>
      </ul>
    </section>
  );
}
