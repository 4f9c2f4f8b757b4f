import { ConcurrencyLimit } from "./concurrency-limit.ts";

/** A `ConcurrencyLimit` for each key, of at most so many keys. A further key counts as full. */
export class ConcurrencyLimits {
  readonly #limit: number;
  readonly #lease_ms: number;
  readonly #maxKeys: number;
  readonly #limits = new Map<string, ConcurrencyLimit>();

  constructor(limit: number, lease_ms: number, maxKeys: number) {
    this.#limit = limit;
    this.#lease_ms = lease_ms;
    this.#maxKeys = maxKeys;
  }

  tryAcquire(key: string, now_ms: number): (() => void) | null {
    let limit = this.#limits.get(key);
    if (!limit) {
      if (this.#limits.size >= this.#maxKeys) this.#forgetIdle(now_ms);
      if (this.#limits.size >= this.#maxKeys) return null;
      limit = new ConcurrencyLimit(this.#limit, this.#lease_ms);
      this.#limits.set(key, limit);
    }
    return limit.tryAcquire(now_ms);
  }

  #forgetIdle(now_ms: number): void {
    for (const [key, limit] of this.#limits) if (limit.isIdle(now_ms)) this.#limits.delete(key);
  }
}
