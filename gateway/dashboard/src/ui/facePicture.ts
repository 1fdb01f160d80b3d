import { ink, shade } from "./faces";
import type { Look } from "./look";

/** What stands on one slot's front. */
export interface Picture {
  number: string;
  text: string;
  share: number | null;
  hatched: boolean;
  empty: boolean;
  /** A short mark of what is abnormal. */
  mark: string;
}

/** Paint a slot's front: its colour, number and value; hatched where the value is not the devices' own. */
export function paint(canvas: HTMLCanvasElement, picture: Picture, look: Look): void {
  const context = canvas.getContext("2d");
  if (context === null) return;
  const { width, height } = canvas;
  const ground = picture.share === null ? look.ground : shade(picture.share, look.low, look.high);
  context.fillStyle = ground;
  context.fillRect(0, 0, width, height);
  const written = ink(ground);
  if (picture.hatched) hatch(context, width, height, written);
  context.lineWidth = picture.mark === "" ? 4 : 14;
  context.strokeStyle = picture.mark === "" ? look.line : look.abnormal;
  context.setLineDash(picture.empty ? [14, 10] : []);
  context.strokeRect(context.lineWidth / 2, context.lineWidth / 2, width - context.lineWidth, height - context.lineWidth);
  context.fillStyle = written;
  context.textBaseline = "middle";
  context.textAlign = "left";
  context.font = `600 52px ${look.font}`;
  context.fillText(picture.number, 22, 46);
  if (picture.mark !== "") {
    context.textAlign = "right";
    context.fillText(picture.mark, width - 24, 46);
  }
  context.textAlign = "center";
  context.font = `600 ${picture.text.length > 8 ? 36 : 52}px ${look.font}`;
  context.fillText(picture.text, width / 2, height * 0.66, width - 30);
}

function hatch(context: CanvasRenderingContext2D, width: number, height: number, colour: string): void {
  context.save();
  context.strokeStyle = colour;
  context.globalAlpha = 0.28;
  context.lineWidth = 4;
  context.beginPath();
  for (let x = -height; x < width; x += 18) {
    context.moveTo(x, height);
    context.lineTo(x + height, 0);
  }
  context.stroke();
  context.restore();
}
