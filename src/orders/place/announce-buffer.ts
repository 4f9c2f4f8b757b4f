import { MAX_EVENTS_PER_MESSAGE, MAX_MESSAGES_PER_SEND } from "../../contract/limits.ts";
import type { Order } from "../order/order.ts";

/**
 * A message costs the same with one order in it or with a hundred, and a call of an item the same
 * with one line or with all that wait for it; and the queue is in no hurry. So under load what is
 * durable is held for so long, and a lone order not at all.
 */
const HOLD_MS = 20;
/** Where lines for one item seldom meet: as long as orders keep coming, for more of them to meet. */
const HOLD_SCATTERED_MS = 300;
/** Lines are scattered while fewer than this many are held for an item, on average. */
const LINES_PER_ITEM = 4;
/** Past this many, what one send takes, all goes at once, with those of the commit that filled it. */
const MAX_HELD = MAX_EVENTS_PER_MESSAGE * MAX_MESSAGES_PER_SEND;
/** The same for lines, of which an order may have 50. */
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

  /** Called as a commit begins: what is scattered waits for those that it brings. */
  expectMore(): void {
    if (this.#held.length > 0 && this.#isScattered()) this.#releaseIn(this.#scatteredFor_ms());
  }

  /** Called after each commit: announces what is held, or sets the time when it will be. */
  settle({ isBusy }: { isBusy: boolean }): void {
    if (this.#held.length > 0) this.#releaseIn(isBusy ? this.#left_ms() : 0);
  }

  #left_ms(): number {
    const count = this.#held.length;
    if (count >= MAX_HELD || this.#lines >= MAX_HELD_LINES) return 0;
    if (this.#isScattered()) return Math.min(HOLD_MS, this.#scatteredFor_ms());
    return count >= MAX_EVENTS_PER_MESSAGE ? 0 : HOLD_MS - this.#heldFor_ms();
  }

  #isScattered(): boolean {
    return this.#lines < LINES_PER_ITEM * this.#skus.size;
  }

  #scatteredFor_ms(): number {
    return HOLD_SCATTERED_MS - this.#heldFor_ms();
  }

  /** Never less than 0: a clock that is set back must not hold anything longer. */
  #heldFor_ms(): number {
    return Math.max(0, Date.now() - this.#since_ms);
  }

  #releaseIn(left_ms: number): void {
    clearTimeout(this.#timer);
    if (left_ms <= 0) this.#release();
    else this.#timer = setTimeout(() => this.#release(), left_ms);
  }

  #release(): void {
    const held = this.#held;
    this.#held = [];
    this.#lines = 0;
    this.#skus.clear();
    this.#announce(held);
  }
}
