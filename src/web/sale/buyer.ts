import { type Client, ok, type Order } from "../shared/api.ts";
import { again, pause, type WaitListener } from "./again.ts";

/** Uses the lane: the response to an order is its outcome. Undecided orders are polled. */
const LANE = "wait=5";
/**
 * How long a buyer retries an order: enough for one `Retry-After` of a rate limit, which is a
 * minute.
 */
const PLACE_MS = 90_000;
/** How long a buyer polls for the outcome, which the shop promises within 150 s. */
const SETTLE_MS = 180_000;
const FIRST_LOOK_MS = 100;
const LAST_LOOK_MS = 2_000;
/** Callbacks by which a buyer notifies the sale. */
export interface Listener extends WaitListener {
  onPlaced(): void;
}

/** One customer of the shop, who wants one unit. A service places the order. */
export class Buyer {
  readonly #shop: Client;
  readonly #customerId: string;
  readonly #signal: AbortSignal;
  readonly #listener: Listener;

  constructor(shop: Client, customerId: string, signal: AbortSignal, listener: Listener) {
    this.#shop = shop;
    this.#customerId = customerId;
    this.#signal = signal;
    this.#listener = listener;
  }

  /** Places the order and returns it with its outcome. Throws the problem of the last attempt. */
  async buy(sku: string): Promise<Order> {
    const header = { "idempotency-key": this.#customerId };
    const json = { lines: [{ sku, quantity: 1 }], customerId: this.#customerId };
    const placed = await this.#again(PLACE_MS, () =>
      ok(this.#shop.v1.orders.$post({ header, json }, { headers: { Prefer: LANE } })),
    );
    this.#listener.onPlaced();
    return await this.#outcome(placed);
  }

  /**
   * Polls instead of sending `Prefer: wait`: a waiting call blocks one of a browser's six
   * connections for up to a second, and with it the other buyers.
   */
  async #outcome(placed: Order): Promise<Order> {
    const deadline_ms = Date.now() + SETTLE_MS;
    const param = { id: placed.id };
    let order = placed;
    for (let wait_ms = FIRST_LOOK_MS; order.status === "pending"; wait_ms *= 2) {
      const left_ms = deadline_ms - Date.now();
      if (left_ms <= 0) throw new Error(`no outcome within ${SETTLE_MS / 1_000} s`);
      await pause(Math.min(wait_ms, LAST_LOOK_MS));
      order = await this.#again(left_ms, () => ok(this.#shop.v1.orders[":id"].$get({ param })));
    }
    return order;
  }

  #again<T>(limit_ms: number, call: () => Promise<T>): Promise<T> {
    return again(call, { limit_ms, signal: this.#signal, listener: this.#listener });
  }
}
