/** Where a map looks: its middle in degrees and its zoom, as web maps count it (tiles of 512 pixels). */
export interface View {
  longitude: number;
  latitude: number;
  zoom: number;
}
export interface Spot {
  longitude: number;
  latitude: number;
}

const TILE = 512;
/** A single station is shown with its city around it. */
const MAX_ZOOM = 11;
const EARTH_M = 40_075_016.7;

const worldX = (longitude: number) => (longitude + 180) / 360;
const worldY = (latitude: number) => {
  const sine = Math.sin((Math.max(-85, Math.min(85, latitude)) * Math.PI) / 180);
  return 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
};
const latitudeAt = (y: number) => (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;

/** The view that shows all spots, with a margin in pixels. */
export function fit(spots: readonly Spot[], width: number, height: number, margin: number): View {
  if (spots.length === 0) return { longitude: 0, latitude: 20, zoom: 0 };
  const xs = spots.map((spot) => worldX(spot.longitude));
  const ys = spots.map((spot) => worldY(spot.latitude));
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const room = (pixels: number) => Math.max(1, pixels - 2 * margin) / TILE;
  const zoom = Math.log2(Math.min(room(width) / (right - left), room(height) / (bottom - top)));
  return {
    longitude: ((left + right) / 2) * 360 - 180,
    latitude: latitudeAt((top + bottom) / 2),
    zoom: Math.max(0, Math.min(MAX_ZOOM, zoom)),
  };
}

/** West, south, east, north in degrees. */
export type Box = readonly [number, number, number, number];

/**
 * A box around what the view shows, with room for some moving: it stays the same until the view has moved by half of
 * what it shows, or has come twice as close.
 */
export function surroundings(view: View, width: number, height: number): Box {
  const span = Math.max(width, height) / (TILE * 2 ** Math.floor(view.zoom));
  const snap = (value: number) => (Math.round(value / (span / 2)) * span) / 2;
  const [x, y] = [snap(worldX(view.longitude)), snap(worldY(view.latitude))];
  return [(x - span) * 360 - 180, latitudeAt(y + span), (x + span) * 360 - 180, latitudeAt(y - span)];
}

/** Where spots lie on a picture of that size. */
export function projection(view: View, width: number, height: number): (spot: Spot) => [number, number] {
  const scale = TILE * 2 ** view.zoom;
  const [x, y] = [worldX(view.longitude), worldY(view.latitude)];
  return (spot) => [width / 2 + (worldX(spot.longitude) - x) * scale, height / 2 + (worldY(spot.latitude) - y) * scale];
}

/** A round length that takes at most so many pixels in the middle of the view. */
export function scaleBar(view: View, pixels: number): { metres: number; pixels: number } {
  const metresPerPixel = (EARTH_M * Math.cos((view.latitude * Math.PI) / 180)) / (TILE * 2 ** view.zoom);
  const most = metresPerPixel * pixels;
  const ten = 10 ** Math.floor(Math.log10(most));
  const metres = [5, 2, 1].map((step) => step * ten).find((length) => length <= most) ?? ten;
  return { metres, pixels: metres / metresPerPixel };
}
