/**
 * Under load the callers of one batch come back one by one, and the first of them would start a
 * batch nearly alone. So after a batch of this many the next one waits to be as large, as long as
 * somebody comes between two looks; an order that comes alone never waits. Only at a look, not at
 * once when enough are here: the stragglers behind them would make a batch of their own, for ever.
 */
export const BUSY_BATCH = 2;
const FULL_ENOUGH = 64;
/** What is left of a large batch's size with each smaller one: else a straggler would split it. */
const FADING = 0.75;
const LOOK_MS = 2;
const MAX_LOOKS = 5;
/** Callers that have not come back after this long do not. */
const RETURN_MS = 50;
const look = () => new Promise((resolve) => setTimeout(resolve, LOOK_MS));

/** How long a batch waits for its callers: at most `MAX_LOOKS` times `LOOK_MS`. */
export class Gathering {
  readonly #waiting: () => number;
  #recent = { size: 0, at_ms: 0 };

  /** `waiting`: how many are here. */
  constructor(waiting: () => number) {
    this.#waiting = waiting;
  }

  /** Resolves when a batch should start; answers with how many were expected. */
  async whole(): Promise<number> {
    const { size, at_ms } = this.#recent;
    const expected = Date.now() - at_ms > RETURN_MS ? 0 : size;
    if (expected < BUSY_BATCH) return expected;
    const enough = Math.min(expected, FULL_ENOUGH);
    for (let looks = 0; looks < MAX_LOOKS && this.#waiting() < enough; looks++) {
      const before = this.#waiting();
      await look();
      if (this.#waiting() === before) break;
    }
    return expected;
  }

  /** A batch of this size has been answered. */
  answered(size: number, expected: number): void {
    this.#recent = { size: Math.max(size, expected * FADING), at_ms: Date.now() };
  }
}
