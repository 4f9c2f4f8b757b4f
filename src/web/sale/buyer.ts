import { type Client, ok, type Order } from "../shared/api.ts";
import { ApiProblem } from "../shared/problem.ts";

/**
 * For so long a buyer repeats an order that is not taken: enough for one `Retry-After` of a rate
 * limit, which is a minute.
 */
const PLACE_MS = 90_000;
/** For so long it looks for the outcome: the shop promises one within 150 s. */
const SETTLE_MS = 180_000;
const FIRST_LOOK_MS = 50;
const LAST_LOOK_MS = 2_000;
/** Between two tries, where the answer does not say when to come back. */
const FIRST_RETRY_MS = 400;
const LAST_RETRY_MS = 5_000;

/** What a sale hears of one of its buyers. */
export interface Listener {
  onPlaced(): void;
  /** It was told to come back later, or there was no answer: it tries again after so long. */
  onWait(problem: ApiProblem, wait_ms: number): void;
  /** It tries again now. */
  onRepeat(): void;
}

/** One customer of the shop, who wants one unit. Orders are placed for it by a service. */
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

  /** Places the order and answers it with its outcome. Throws the problem that it has ended with. */
  async buy(sku: string): Promise<Order> {
    const header = { "idempotency-key": this.#customerId };
    const json = { lines: [{ sku, quantity: 1 }], customerId: this.#customerId };
    const placed = await this.#again(PLACE_MS, () =>
      ok(this.#shop.v1.orders.$post({ header, json })),
    );
    this.#listener.onPlaced();
    return await this.#outcome(placed);
  }

  /**
   * Short looks, not `Prefer: wait`: a call that waits keeps one of a browser's six connections for
   * up to a second, and the other buyers with it.
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

  /** Repeats what may pass by itself; each call has a key or is harmless twice. */
  async #again<T>(limit_ms: number, call: () => Promise<T>): Promise<T> {
    const deadline_ms = Date.now() + limit_ms;
    for (let retry_ms = FIRST_RETRY_MS; ; retry_ms = Math.min(2 * retry_ms, LAST_RETRY_MS)) {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof ApiProblem) || !error.isPassing) throw error;
        // Those who were told the same time do not all come back at the same moment.
        const jitter_ms = Math.random() * retry_ms;
        const wait_ms = Math.max(retry_ms, (error.retryAfter ?? 0) * 1_000) + jitter_ms;
        if (this.#signal.aborted || Date.now() + wait_ms > deadline_ms) throw error;
        this.#listener.onWait(error, wait_ms);
        await pause(wait_ms, this.#signal);
        this.#listener.onRepeat();
      }
    }
  }
}

/** Ends early when it is stopped. */
export const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, Math.max(0, ms));
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
  });
