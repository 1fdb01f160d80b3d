/** At least this long between two things said aloud: a flood of alarms is told as one number. */
export const PAUSE_MS = 8000;

export interface Raised {
  priority: number;
  text: string;
}

/** Collects alarms as they are raised and says them one by one, or many as one. */
export class Announcer {
  private waiting: Raised[] = [];
  private timer: ReturnType<typeof setTimeout> | undefined;
  private saidAt = -Infinity;

  /** `say` gets how many were raised since it last spoke, and the most urgent of them. `now`: monotonic ms. */
  constructor(
    private readonly say: (count: number, worst: Raised) => void,
    private readonly now: () => number,
  ) {}

  raised(alarm: Raised): void {
    this.waiting.push(alarm);
    if (this.timer !== undefined) return;
    // Alarms of one cause come in one burst: a moment is waited for the others.
    const wait = Math.max(500, this.saidAt + PAUSE_MS - this.now());
    this.timer = setTimeout(() => this.speak(), wait);
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting = [];
  }

  private speak(): void {
    this.timer = undefined;
    this.saidAt = this.now();
    const [first, ...others] = this.waiting;
    this.waiting = [];
    if (first === undefined) return;
    this.say(others.length + 1, others.reduce((worst, each) => (each.priority < worst.priority ? each : worst), first));
  }
}
