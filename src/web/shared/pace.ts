/** How long a page waits between two polls. */

const MIN_MS = 2_000;
/** While nothing moves. */
const MAX_IDLE_MS = 10_000;
/** While the server cannot be reached. */
const MAX_FAILED_MS = 20_000;
const GROWTH = 1.5;
/** Of the wait, to both sides, so that pages that were opened at once do not ask at once for ever. */
const JITTER = 0.15;

/** What the last poll found. */
export type PollResult = "moved" | "same" | { retryAfter_s: number | null };

/** 2 s, up to 10 s while nothing moves; after a failure longer, and as long as the server says. */
export class Pace {
  readonly #random: () => number;
  readonly #min_ms: number;
  readonly #idle_ms: number;
  #wait_ms: number;

  /** `every_ms`: an even pace instead, while there are answers. */
  constructor(random = Math.random, every_ms?: number) {
    this.#random = random;
    this.#min_ms = every_ms ?? MIN_MS;
    this.#idle_ms = every_ms ?? MAX_IDLE_MS;
    this.#wait_ms = this.#min_ms;
  }

  /** The wait before the next poll. */
  after(result: PollResult): number {
    if (result === "moved") this.#wait_ms = this.#min_ms;
    else {
      const most_ms = result === "same" ? this.#idle_ms : MAX_FAILED_MS;
      this.#wait_ms = Math.min(this.#wait_ms * GROWTH, most_ms);
    }
    const asked_ms = typeof result === "string" ? 0 : (result.retryAfter_s ?? 0) * 1_000;
    return (
      Math.max(this.#wait_ms, asked_ms) * (1 + JITTER * (2 * this.#random() - 1)) +
      // Never earlier than the server has asked.
      asked_ms * JITTER
    );
  }
}
