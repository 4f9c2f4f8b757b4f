import type { Snapshot } from "./presence.sql.ts";

type InSequence = (work: () => Promise<Snapshot>) => Promise<Snapshot>;
type Read = (since_ms: number | null) => Promise<Snapshot>;

/**
 * Reads snapshots of one customer, one at a time: those that are asked for while one is being read
 * share the next read. So a customer's sockets cost D1 no more than one read after another.
 */
export class SnapshotReads {
  readonly #inSequence: InSequence;
  #waiting: { since_ms: number | null; snapshot: Promise<Snapshot> } | null = null;

  /** `inSequence` starts its work later, when all earlier work has ended. */
  constructor(inSequence: InSequence) {
    this.#inSequence = inSequence;
  }

  /**
   * A snapshot that is read after this call, since this time or an earlier one; null: of unfinished
   * orders only.
   */
  since(since_ms: number | null, read: Read): Promise<Snapshot> {
    const waiting = this.#waiting;
    if (waiting) {
      waiting.since_ms = earlier(waiting.since_ms, since_ms);
      return waiting.snapshot;
    }
    const own = { since_ms };
    const snapshot = this.#inSequence(() => {
      // A later caller needs a later read: this one may not have what was pushed before its call.
      this.#waiting = null;
      return read(own.since_ms);
    });
    this.#waiting = Object.assign(own, { snapshot });
    return snapshot;
  }
}

function earlier(one_ms: number | null, other_ms: number | null): number | null {
  if (one_ms === null || other_ms === null) return one_ms ?? other_ms;
  return Math.min(one_ms, other_ms);
}
