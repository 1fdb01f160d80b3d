/** For so long after something was handed over frames go on: until it is drawn. */
const DRAWN_MS = 150;
/** And for so long after a touch: what moves comes to rest. */
export const RESTING_MS = 500;
const HELD = -1;

/**
 * Frames for deck.gl's loop, which asks for sixty a second even where nothing changes: they come only for a moment after
 * `wake`. An idle map then costs nothing.
 */
export class Frames {
  private held: FrameRequestCallback | null = null;
  private awakeUntil = 0;

  wake(ms = DRAWN_MS): void {
    this.awakeUntil = Math.max(this.awakeUntil, performance.now() + ms);
    const { held } = this;
    this.held = null;
    if (held !== null) window.requestAnimationFrame(held);
  }

  requestAnimationFrame = (callback: FrameRequestCallback): number => {
    if (performance.now() < this.awakeUntil) return window.requestAnimationFrame(callback);
    this.held = callback;
    return HELD;
  };

  cancelAnimationFrame = (id: number): void => {
    if (id === HELD) this.held = null;
    else window.cancelAnimationFrame(id);
  };
}
