import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { Link } from "../ui/Link";
import { MapMark } from "./MapMark";
import { fit, projection, type View } from "./mercator";
import type { Outline } from "./outline";
import { labelled, type Place } from "./places";
import { ScaleBar } from "./ScaleBar";
import { useOutline } from "./useOutline";

interface Props {
  places: readonly Place[];
  width: number;
  height: number;
}

/** The map without WebGL: every station is a link that a keyboard and a screen reader reach. */
export default function PlainMap({ places, width, height }: Props) {
  const { t } = useTranslation("network");
  const spots = places.map(({ longitude, latitude }) => `${longitude},${latitude}`).join(";");
  const view = useMemo(() => fit(places, width, height, 48), [spots, width, height]);
  const outline = useOutline(view, width, height);
  const project = projection(view, width, height);
  const named = new Set(labelled(places, project, width, height));
  return (
    <>
      <svg className="plainmap" viewBox={`0 0 ${width} ${height}`} width={width} height={height} role="group" aria-label={t("map.label")}>
        {outline && <Land outline={outline} view={view} width={width} height={height} />}
        {places.map((place) => {
          const [x, y] = project(place);
          return (
            <Link key={place.id} to={`/station/${encodeURIComponent(place.id)}`} label={`${place.name}: ${t(`map.${place.mark}`)}${place.old ? `, ${t("map.old")}` : ""}`}>
              <g transform={`translate(${x.toFixed(1)} ${y.toFixed(1)})`}>
                <title>{place.name}</title>
                <MapMark mark={place.mark} old={place.old} />
                {named.has(place) && (
                  <text className="placename" x="14" y="4.5">
                    {place.name}
                  </text>
                )}
              </g>
            </Link>
          );
        })}
      </svg>
      <ScaleBar view={view} />
    </>
  );
}

function Land({ outline, view, width, height }: { outline: Outline; view: View; width: number; height: number }) {
  const [land, borders] = useMemo(() => {
    const project = projection(view, width, height);
    const path = (line: readonly [number, number][], end: string) => {
      const points = line.map(([longitude, latitude]) => project({ longitude, latitude }));
      return `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L")}${end}`;
    };
    return [
      outline.land.map((polygon) => polygon.map((ring) => path(ring, "Z")).join("")).join(""),
      outline.borders.map((line) => path(line, "")).join(""),
    ];
  }, [outline, view, width, height]);
  return (
    <g aria-hidden="true">
      <path className="land" d={land} fillRule="evenodd" />
      <path className="border" d={borders} />
    </g>
  );
}
