interface Font {
  fontFamily: string;
  fontSize: number;
  fontWeight: string | number;
}

/** Pixels around each letter, at the size at which deck.gl draws letters (64). */
export const ROOM_PX = 16;

/**
 * How letters of the map are measured and drawn. deck.gl's own way takes a letter that begins left of its origin, such as j,
 * for narrower than it is, and cuts it.
 */
export function letters({ fontFamily, fontSize, fontWeight }: Font) {
  const canvas = document.createElement("canvas");
  const ink = canvas.getContext("2d", { willReadFrequently: true })!;
  const font = () => {
    ink.font = `${fontWeight} ${fontSize}px ${fontFamily}`;
  };
  const measure = (letter = "") => {
    font();
    const { width, fontBoundingBoxAscent, fontBoundingBoxDescent } = ink.measureText(letter);
    const [ascent, descent] = [Math.ceil(fontBoundingBoxAscent), Math.ceil(fontBoundingBoxDescent)];
    return { advance: width, width: Math.ceil(width), ascent, descent };
  };
  const draw = (letter: string) => {
    const { width, ascent, descent } = measure(letter);
    canvas.width = width + 2 * ROOM_PX;
    canvas.height = ascent + descent + 2 * ROOM_PX;
    font();
    ink.fillText(letter, ROOM_PX, ROOM_PX + ascent);
    return { data: ink.getImageData(0, 0, canvas.width, canvas.height), left: ROOM_PX, top: ROOM_PX };
  };
  return { measure, draw };
}
