import { lazy, type ComponentType, type LazyExoticComponent } from "react";
import Network from "./pages/Network";

type Parameters<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Record<Name, string> & Parameters<Rest>
  : Path extends `${string}:${infer Name}`
    ? Record<Name, string>
    : unknown;

interface Route {
  pattern: RegExp;
  page: LazyExoticComponent<ComponentType<Record<string, string>>>;
}

/** A page at a path; `:name` is one part of it, handed to the page as a property, decoded. */
function route<Path extends string>(
  path: Path,
  load: () => Promise<{ default: ComponentType<Parameters<Path> & object> }>,
): Route {
  const pattern = new RegExp(`^${path.replace(/:(\w+)/g, "(?<$1>[^/]+)")}/?$`);
  return { pattern, page: lazy(load) as unknown as Route["page"] };
}

/** Every page, one line each. Each comes with its own chunk but the first, which would only wait for one more answer. */
const ROUTES: readonly Route[] = [
  route("/", async () => ({ default: Network })),
  route("/station/:id", () => import("./pages/Station")),
  route("/station/:id/slot/:n", () => import("./pages/Slot")),
  route("/station/:id/pack/:packId", () => import("./pages/Pack")),
  route("/station/:id/cabinet", () => import("./pages/CabinetView")),
  route("/devices", () => import("./pages/Devices")),
  route("/devices/:deviceId", () => import("./pages/Device")),
  route("/alarms", () => import("./pages/Alarms")),
  route("/bench", () => import("./pages/Bench")),
];

export function match(path: string): { page: Route["page"]; parameters: Record<string, string> } | null {
  for (const { pattern, page } of ROUTES) {
    const found = pattern.exec(path);
    if (found === null) continue;
    const parameters = Object.entries(found.groups ?? {}).map(([name, part]) => [name, decoded(part)]);
    return { page, parameters: Object.fromEntries(parameters) };
  }
  return null;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a stray "%": the page says that it knows no such thing
  }
}
