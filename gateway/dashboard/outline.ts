import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { merge, mesh } from "topojson-client";
import { filter, filterWeight, presimplify, simplify } from "topojson-simplify";
import type { GeometryCollection, MultiPolygon, Polygon, Topology } from "topojson-specification";
import type { Plugin } from "vite";

const MODULE = "virtual:outline";
/** Bends that span less than so many square degrees are left out; coordinates keep two decimals, about a kilometre. */
const BEND = 0.01;

type World = Topology<{ countries: GeometryCollection }>;

function outline(): string {
  const file = createRequire(import.meta.url).resolve("world-atlas/countries-50m.json");
  const whole = presimplify(JSON.parse(readFileSync(file, "utf8")) as World);
  const light = filter(simplify(whole, BEND), filterWeight(whole, BEND)) as World;
  const { countries } = light.objects;
  const land = merge(light as Topology, countries.geometries as (Polygon | MultiPolygon)[]);
  const borders = mesh(light as Topology, countries, (a, b) => a !== b);
  return JSON.stringify({ land: land.coordinates, borders: borders.coordinates }, (_key, value: unknown) =>
    typeof value === "number" ? Math.round(value * 100) / 100 : value,
  );
}

/** Coasts and borders of the world (Natural Earth), made light when the app is built: `virtual:outline` is its address. */
export function worldOutline(): Plugin {
  let building = false;
  return {
    name: "world-outline",
    configResolved(config) {
      building = config.command === "build";
    },
    resolveId: (id) => (id === MODULE ? `\0${MODULE}` : null),
    load(id) {
      if (id !== `\0${MODULE}`) return null;
      if (!building) return 'export default "/outline.json";';
      const asset = this.emitFile({ type: "asset", name: "outline.json", source: outline() });
      return `export default import.meta.ROLLUP_FILE_URL_${asset};`;
    },
    configureServer(server) {
      server.middlewares.use("/outline.json", (_request, response) => {
        response.setHeader("Content-Type", "application/json").end(outline());
      });
    },
  };
}
