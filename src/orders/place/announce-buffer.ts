import { MAX_EVENTS_PER_MESSAGE, MAX_MESSAGES_PER_SEND } from "../../contract/limits.ts";
import type { Order } from "../order/order.ts";

/**
 * How long a busy desk buffers committed orders before it announces them. A queue message costs the
 * same with one event or a hundred, and a call of an item the same with one line or many.
 */
const HOLD_MS = 20;
/** The limit while few orders name the same item: more of their lines then share a call of the item. */
const HOLD_SCATTERED_MS = 300;
/** Lines are scattered while the buffer has fewer than this many for each item, on average. */
const LINES_PER_ITEM = 4;
/** The buffer is announced at once when it has as many orders as one send takes. */
const MAX_ORDERS = MAX_EVENTS_PER_MESSAGE * MAX_MESSAGES_PER_SEND;
/** The same for lines, of which an order may have 50. */
const MAX_LINES = MAX_ORDERS * 10;

interface Buffered {
  order: Pick<Order, "lines">;
}

/**
 * Committed orders that are not announced yet. A crash loses the buffer and no order: the reconciler
 * finds them by their `due_at`.
 */
export class AnnounceBuffer<T extends Buffered> {
  readonly #announce: (orders: T[]) => void;
  #orders: T[] = [];
  #lines = 0;
  #skus = new Set<string>();
  #since_ms = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(announce: (orders: T[]) => void) {
    this.#announce = announce;
  }

  add(one: T): void {
    if (this.#orders.length === 0) this.#since_ms = Date.now();
    this.#orders.push(one);
    this.#lines += one.order.lines.length;
    for (const { sku } of one.order.lines) this.#skus.add(sku);
  }

  /** Call it when a commit begins: a scattered buffer stays open for the orders of that commit. */
  extend(): void {
    if (this.#orders.length > 0 && this.#isScattered()) this.#flushIn(this.#scatteredLeft_ms());
  }

  /** Call it after each commit: announces the buffer at once, or sets the time for it. */
  schedule({ isBusy }: { isBusy: boolean }): void {
    if (this.#orders.length > 0) this.#flushIn(isBusy ? this.#left_ms() : 0);
  }

  #left_ms(): number {
    const count = this.#orders.length;
    if (count >= MAX_ORDERS || this.#lines >= MAX_LINES) return 0;
    if (this.#isScattered()) return Math.min(HOLD_MS, this.#scatteredLeft_ms());
    return count >= MAX_EVENTS_PER_MESSAGE ? 0 : HOLD_MS - this.#heldFor_ms();
  }

  #isScattered(): boolean {
    return this.#lines < LINES_PER_ITEM * this.#skus.size;
  }

  #scatteredLeft_ms(): number {
    return HOLD_SCATTERED_MS - this.#heldFor_ms();
  }

  /** At least 0: a clock that is set back must not extend the hold. */
  #heldFor_ms(): number {
    return Math.max(0, Date.now() - this.#since_ms);
  }

  #flushIn(left_ms: number): void {
    clearTimeout(this.#timer);
    if (left_ms <= 0) this.#flush();
    else this.#timer = setTimeout(() => this.#flush(), left_ms);
  }

  #flush(): void {
    const orders = this.#orders;
    this.#orders = [];
    this.#lines = 0;
    this.#skus.clear();
    this.#announce(orders);
  }
}
