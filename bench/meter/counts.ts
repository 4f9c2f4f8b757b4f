/**
 * What one Worker of a metered stack has used. A module variable: locally all objects of a Worker
 * live in its isolate, so this is the sum over all of them.
 */
let counts: Record<string, number> = {};

/** `d1.rowsWritten OrderDesk`: what was counted, then who used it. */
export function tally(what: string, who: string, n = 1): void {
  const name = `${what} ${who}`;
  counts[name] = (counts[name] ?? 0) + n;
}

/** Everything since the last call. */
export function takeCounts(): Record<string, number> {
  const taken = counts;
  counts = {};
  return taken;
}

/** Wall time in which at least one call was under way. */
export class ActiveTime {
  readonly #who: string;
  #calls = 0;
  #since_ms = 0;

  constructor(who: string) {
    this.#who = who;
  }

  async during<T>(work: () => T | Promise<T>): Promise<T> {
    if (this.#calls++ === 0) this.#since_ms = Date.now();
    try {
      return await work();
    } finally {
      if (--this.#calls === 0) tally("object.active_ms", this.#who, Date.now() - this.#since_ms);
    }
  }
}
