/**
 * Allows a burst of `size` calls, and one more call each `refill_ms`. It is kept in memory: a caller
 * whose memory is lost starts with a full bucket.
 */
export class TokenBucket {
  readonly #size: number;
  readonly #refill_ms: number;
  #tokens: number;
  #refilledAt_ms = 0;

  constructor(size: number, refill_ms: number) {
    this.#size = size;
    this.#refill_ms = refill_ms;
    this.#tokens = size;
  }

  /** Takes a token; false when there is none. A clock that goes back refills nothing. */
  tryTake(now_ms: number): boolean {
    const refilled = Math.max(0, now_ms - this.#refilledAt_ms) / this.#refill_ms;
    this.#tokens = Math.min(this.#size, this.#tokens + refilled);
    this.#refilledAt_ms = now_ms;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
