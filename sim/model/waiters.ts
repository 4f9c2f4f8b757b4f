import type { Answer } from "../platform/worker.ts";
import type { Report } from "./report.ts";

/**
 * Callers with `Prefer: wait`: one who gets an order that is still pending before the time is over
 * must have found the isolate's places taken, by others who wait or have just hung up.
 */

/** A place that nobody gives back lapses after this long. */
const LEASE_MS = 35_000;
/** The server's wait may end a little early: its clock has whole milliseconds, a read takes time. */
const SLACK_MS = 1_500;

export interface Waiter {
  wait_ms: number;
  from_ms: number;
  /** Others that may have held a place when it arrived. */
  wasCrowded: boolean;
  until_ms: number;
}

export class Waiters {
  readonly #report: Report;
  readonly #now: () => number;
  readonly #waiters = new Set<Waiter>();

  constructor(report: Report, now: () => number) {
    this.#report = report;
    this.#now = now;
  }

  /** Null: it does not wait. */
  arrives(prefer: string | undefined): Waiter | null {
    const seconds = Number(/^wait=(\d+)$/.exec(prefer ?? "")?.[1] ?? 0);
    if (seconds === 0) return null;
    const from_ms = this.#now();
    for (const one of this.#waiters) if (one.until_ms <= from_ms) this.#waiters.delete(one);
    const wasCrowded = this.#waiters.size > 0;
    const until_ms = from_ms + LEASE_MS;
    const waiter = { wait_ms: seconds * 1_000, from_ms, wasCrowded, until_ms };
    this.#waiters.add(waiter);
    return waiter;
  }

  answered(waiter: Waiter | null, where: string, { status, body }: Answer): void {
    if (!waiter) return;
    this.#waiters.delete(waiter);
    const isPending = (body as { status?: string } | null)?.status === "pending";
    const isRead = status === 200 && isPending;
    const waited_ms = this.#now() - waiter.from_ms;
    this.#report.check(
      !isRead || waiter.wasCrowded || waited_ms >= waiter.wait_ms - SLACK_MS,
      13,
      () => `${where} is answered after ${Math.round(waited_ms)} ms, and nobody else waits`,
    );
  }
}
