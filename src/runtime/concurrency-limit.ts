/**
 * Limits the concurrent work of an isolate by slots whose lease expires. When a client hangs up,
 * the platform tears down the request's context without running `finally` (workerd #5062). A plain
 * counter would then stay too high for good, by one for each such client.
 */
export class ConcurrencyLimit {
  readonly #limit: number;
  readonly #lease_ms: number;
  /** When each slot's lease expires. All leases are equal, so the oldest slot expires first. */
  readonly #taken = new Map<number, number>();
  #last = 0;

  /** `lease_ms`: longer than the work can take, so that no lease expires while the work runs. */
  constructor(limit: number, lease_ms: number) {
    this.#limit = limit;
    this.#lease_ms = lease_ms;
  }

  isFull(now_ms: number): boolean {
    return this.#count(now_ms) >= this.#limit;
  }

  isIdle(now_ms: number): boolean {
    return this.#count(now_ms) === 0;
  }

  #count(now_ms: number): number {
    for (const [slot, lapses_ms] of this.#taken) {
      // Taken while the clock ran ahead: it would stay until the clock is there again, and hide the others.
      const isAhead = lapses_ms > now_ms + 2 * this.#lease_ms;
      if (lapses_ms > now_ms && !isAhead) break;
      this.#taken.delete(slot);
    }
    return this.#taken.size;
  }

  /** Takes a slot and returns the function that releases it, or null when no slot is free. */
  tryAcquire(now_ms: number): (() => void) | null {
    if (this.isFull(now_ms)) return null;
    const slot = ++this.#last;
    this.#taken.set(slot, now_ms + this.#lease_ms);
    return () => void this.#taken.delete(slot);
  }
}
