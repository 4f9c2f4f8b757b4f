/**
 * Bounds how much work an isolate has under way, by slots that lapse. The platform tears the context
 * of a cancelled request down, and its `finally` does not run (workerd #5062): a counter that only
 * the request itself lowers would stay up for good, one more for each client that hangs up.
 */
export class ConcurrencyLimit {
  readonly #limit: number;
  readonly #lease_ms: number;
  /** When each slot lapses, by its number. All leases are equal, so the first lapses first. */
  readonly #taken = new Map<number, number>();
  #last = 0;

  /** `lease_ms`: longer than the work can take, so that no slot lapses while it is in use. */
  constructor(limit: number, lease_ms: number) {
    this.#limit = limit;
    this.#lease_ms = lease_ms;
  }

  /** Whether no slot is free. */
  isFull(now_ms: number): boolean {
    for (const [slot, lapses_ms] of this.#taken) {
      if (lapses_ms > now_ms) break;
      this.#taken.delete(slot);
    }
    return this.#taken.size >= this.#limit;
  }

  /** Takes a slot and answers with the function that gives it back; null when none is free. */
  tryAcquire(now_ms: number): (() => void) | null {
    if (this.isFull(now_ms)) return null;
    const slot = ++this.#last;
    this.#taken.set(slot, now_ms + this.#lease_ms);
    return () => void this.#taken.delete(slot);
  }
}
