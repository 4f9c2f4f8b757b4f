import { MAX_EVENTS_PER_MESSAGE, MAX_MESSAGES_PER_SEND } from "../../contract/limits.ts";
import type { Order } from "../order.ts";

/**
 * A message costs the same with one order in it or with a hundred, and a call of an item the same
 * with one line or with all that wait for it; and the queue is in no hurry. So under load what is
 * durable is held for so long, and a lone order not at all.
 */
const HOLD_MS = 20;
/** Where lines for one item seldom meet: as long as orders keep coming, for more of them to meet. */
const HOLD_SCATTERED_MS = 120;
/** Lines are scattered while fewer than this many are held for an item, on average. */
const LINES_PER_ITEM = 4;
/** What one send takes. */
const MAX_HELD = MAX_EVENTS_PER_MESSAGE * MAX_MESSAGES_PER_SEND;
const MAX_HELD_LINES = MAX_HELD * 10;

interface Held {
  order: Pick<Order, "lines">;
}

/** What is durable and to be announced. What it forgets in a crash is due, as ever. */
export class Holding<T extends Held> {
  readonly #announce: (held: T[]) => void;
  #held: T[] = [];
  #lines = 0;
  #skus = new Set<string>();
  #since_ms = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(announce: (held: T[]) => void) {
    this.#announce = announce;
  }

  add(one: T): void {
    if (this.#held.length === 0) this.#since_ms = Date.now();
    this.#held.push(one);
    this.#lines += one.order.lines.length;
    for (const { sku } of one.order.lines) this.#skus.add(sku);
  }

  /** Called after each commit: announces what is held, or sets the time when it will be. */
  settle({ isBusy }: { isBusy: boolean }): void {
    if (this.#held.length === 0) return;
    clearTimeout(this.#timer);
    const left_ms = isBusy ? this.#left_ms(Date.now() - this.#since_ms) : 0;
    if (left_ms <= 0) this.#release();
    else this.#timer = setTimeout(() => this.#release(), left_ms);
  }

  #left_ms(held_ms: number): number {
    const count = this.#held.length;
    if (count >= MAX_HELD || this.#lines >= MAX_HELD_LINES) return 0;
    const isScattered = this.#lines < LINES_PER_ITEM * this.#skus.size;
    if (isScattered) return Math.min(HOLD_MS, HOLD_SCATTERED_MS - held_ms);
    return count >= MAX_EVENTS_PER_MESSAGE ? 0 : HOLD_MS - held_ms;
  }

  #release(): void {
    const held = this.#held;
    this.#held = [];
    this.#lines = 0;
    this.#skus.clear();
    this.#announce(held);
  }
}
