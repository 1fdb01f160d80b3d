import { useEffect, useRef, useState } from "react";
import { Deck, MapView, type DeckProps, type MapViewState } from "@deck.gl/core";
import { IconLayer, PathLayer, SolidPolygonLayer, TextLayer } from "@deck.gl/layers";
import { useTranslation } from "react-i18next";
import { go } from "../state/route";
import { useTheme } from "../state/theme";
import { Frames, RESTING_MS } from "./Frames";
import { letters, ROOM_PX } from "./letters";
import { fit, projection, type View } from "./mercator";
import type { Outline } from "./outline";
import { labelled, type Place } from "./places";
import { ScaleBar } from "./ScaleBar";
import { cellOf, sheet, type Sheet } from "./sheet";
import { useOutline } from "./useOutline";

interface Props {
  places: readonly Place[];
  width: number;
  height: number;
}

const STEP = 0.75;
const FARTHEST = 1;
const NEAREST = 16;

/** The map on WebGL. It is drawn when something on it changes, and never in between. */
export default function GlMap({ places, width, height }: Props) {
  const { t } = useTranslation(["network", "common"]);
  const theme = useTheme();
  const holder = useRef<HTMLDivElement>(null);
  const deck = useRef<Deck<MapView> | null>(null);
  const [frames] = useState(() => new Frames());
  const [view, setView] = useState<View>(() => fit(places, width, height, 48));
  const outline = useOutline(view, width, height);
  const moved = useRef(false);
  const [style, setStyle] = useState<Style>();

  const spots = places.map(({ longitude, latitude }) => `${longitude},${latitude}`).join(";");
  useEffect(() => {
    if (!moved.current) setView(fit(places, width, height, 48));
  }, [spots, width, height]);

  useEffect(() => {
    if (holder.current === null) return;
    const made = new Deck<MapView>({
      parent: holder.current,
      views: new MapView(),
      controller: { scrollZoom: false, dragRotate: false, touchRotate: false, keyboard: false, doubleClickZoom: true },
      touchAction: "pan-y",
      useDevicePixels: Math.min(2, devicePixelRatio),
      getCursor: ({ isDragging, isHovering }) => (isDragging ? "grabbing" : isHovering ? "pointer" : "grab"),
      onViewStateChange: ({ viewState }) => {
        const { longitude, latitude, zoom } = viewState as MapViewState;
        moved.current = true;
        setView({ longitude, latitude, zoom: Math.max(FARTHEST, Math.min(NEAREST, zoom)) });
      },
      onClick: ({ object }) => {
        if (object) go(`/station/${encodeURIComponent((object as Place).id)}`);
      },
      onLoad: () => frames.wake(RESTING_MS),
      // Handed on to luma.gl's AnimationLoop, which documents it.
      ...({ animationFrameProvider: frames } as Partial<DeckProps<MapView>>),
    });
    deck.current = made;
    return () => {
      made.finalize();
      deck.current = null;
    };
  }, [frames]);

  useEffect(() => {
    if (holder.current === null) return;
    const computed = getComputedStyle(holder.current);
    const colour = (name: string) => computed.getPropertyValue(name).trim();
    const letters = { high: t("common:riskLetter.high"), medium: t("common:riskLetter.medium"), low: t("common:riskLetter.low") };
    setStyle({ colour, font: computed.fontFamily, sheet: sheet(colour, letters) });
  }, [theme, t]);

  useEffect(() => {
    deck.current?.setProps({ viewState: view as MapViewState });
    frames.wake();
  }, [view, width, height, frames]);
  useEffect(() => {
    if (style === undefined) return;
    const named = labelled(places, projection(view, width, height), width, height);
    deck.current?.setProps({ layers: layers(places, named, outline, style) });
    frames.wake();
  }, [places, outline, style, view, width, height, frames]);

  const zoomBy = (step: number) => {
    moved.current = true;
    setView((now) => ({ ...now, zoom: Math.max(FARTHEST, Math.min(NEAREST, now.zoom + step)) }));
  };
  return (
    <>
      <div
        ref={holder}
        className="glmap"
        role="img"
        aria-label={t("map.label")}
        onPointerMove={() => frames.wake(RESTING_MS)}
        onPointerDown={() => frames.wake(RESTING_MS)}
        onPointerUp={() => frames.wake(RESTING_MS)}
        onPointerLeave={() => frames.wake(RESTING_MS)}
      />
      <div className="mapkeys">
        <button type="button" className="button" aria-label={t("map.closer")} onClick={() => zoomBy(STEP)}>
          +
        </button>
        <button type="button" className="button" aria-label={t("map.farther")} onClick={() => zoomBy(-STEP)}>
          −
        </button>
        <button
          type="button"
          className="button"
          onClick={() => {
            moved.current = false;
            setView(fit(places, width, height, 48));
          }}
        >
          {t("map.all")}
        </button>
      </div>
      <ScaleBar view={view} />
    </>
  );
}

interface Style {
  colour: (name: string) => string;
  font: string;
  sheet: Sheet;
}
type Rgb = [number, number, number];

function rgb(hex: string): Rgb {
  const six = hex.length === 4 ? [...hex.slice(1)].map((digit) => digit + digit).join("") : hex.slice(1);
  return [0, 2, 4].map((at) => parseInt(six.slice(at, at + 2), 16)) as Rgb;
}

function layers(places: readonly Place[], named: readonly Place[], outline: Outline | undefined, style: Style) {
  const { colour, font, sheet: marks } = style;
  const position = ({ longitude, latitude }: Place): [number, number] => [longitude, latitude];
  return [
    new SolidPolygonLayer<Outline["land"][number]>({
      id: "land",
      data: outline?.land ?? [],
      getPolygon: (polygon) => polygon,
      getFillColor: rgb(colour("--land")),
      updateTriggers: { getFillColor: colour("--land") },
    }),
    new PathLayer<Outline["borders"][number]>({
      id: "borders",
      data: outline?.borders ?? [],
      getPath: (path) => path,
      getColor: rgb(colour("--line")),
      getWidth: 1,
      widthUnits: "pixels",
      updateTriggers: { getColor: colour("--line") },
    }),
    new TextLayer<Place>({
      id: "names",
      data: named,
      getPosition: position,
      getText: ({ name }) => name,
      getColor: rgb(colour("--text")),
      getSize: 13,
      getPixelOffset: [14, 0],
      getTextAnchor: "start",
      getAlignmentBaseline: "center",
      fontFamily: font,
      fontSettings: { buffer: ROOM_PX },
      _getFontRenderer: letters,
      characterSet: "auto",
      updateTriggers: { getColor: colour("--text") },
    }),
    new IconLayer<Place>({
      id: "stations",
      data: places as Place[],
      pickable: true,
      getPosition: position,
      iconAtlas: marks.picture as unknown as string,
      iconMapping: marks.cells,
      getIcon: cellOf,
      getSize: 24,
    }),
  ];
}
