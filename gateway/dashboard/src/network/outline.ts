import address from "virtual:outline";

type Position = [number, number];
export interface Outline {
  /** Polygons: rings of positions, the first of each the outer one. */
  land: Position[][][];
  borders: Position[][];
}

let asked: Promise<Outline> | null = null;

/** The world's coasts and borders, fetched once. */
export function loadOutline(): Promise<Outline> {
  asked ??= fetch(address)
    .then(async (response) => {
      if (!response.ok) throw new Error(`${address}: ${response.status}`);
      return (await response.json()) as Outline;
    })
    .catch((error: unknown) => {
      asked = null; // the next map that is opened tries again
      throw error;
    });
  return asked;
}
