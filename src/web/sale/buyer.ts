import {
  type Client,
  LockstockProblem,
  type Order,
  retry,
} from "../../../packages/client/src/index.ts";
import type { Patience } from "./waiting.ts";

/** Uses the lane: the response to an order is its outcome. */
const LANE_S = 5;
/** How long a buyer retries an order: enough for one `Retry-After` of a rate limit, a minute. */
const PLACE_MS = 90_000;
/** How long a buyer polls for the outcome, which the shop promises within 150 s. */
const SETTLE_MS = 180_000;

/** One customer of the shop, who wants one unit. A service places the order. */
export class Buyer {
  readonly #shop: Client;
  readonly #customerId: string;
  readonly #patience: Patience;

  constructor(shop: Client, customerId: string, patience: Patience) {
    this.#shop = shop;
    this.#customerId = customerId;
    this.#patience = patience;
  }

  /** Places the order and returns it with its outcome. Throws the problem of the last attempt. */
  async buy(sku: string, onPlaced: () => void): Promise<Order> {
    const order = { lines: [{ sku, quantity: 1 }], customerId: this.#customerId };
    const once = { key: this.#customerId, wait_s: LANE_S, timeout_ms: 0 };
    const placed = await retry(() => this.#shop.placeOrder(order, once), {
      ...this.#patience,
      timeout_ms: PLACE_MS,
    });
    onPlaced();
    return placed.status === "pending" ? await this.#outcome(placed) : placed;
  }

  /**
   * Polls instead of sending `Prefer: wait`: a waiting call blocks one of a browser's six
   * connections for up to a second, and with it the other buyers.
   */
  async #outcome({ id }: Order): Promise<Order> {
    try {
      const { onRetry } = this.#patience;
      return await this.#shop.wait(id, { wait_s: 0, timeout_ms: SETTLE_MS, onRetry });
    } catch (error) {
      if (!(error instanceof LockstockProblem) || error.code !== "undecided") throw error;
      throw new Error(`no outcome within ${SETTLE_MS / 1_000} s`, { cause: error });
    }
  }
}
