import { MAX_ORDERS_PER_LANE_CALL } from "../../contract/limits.ts";
import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import type { OrderEvent } from "../../contract/order-events.ts";
import type { StockEvent } from "../../contract/stock-events.ts";
import { commandOf, type Order } from "../order/order.ts";

/** What the lane needs of the outside. */
export interface LanePorts {
  /** The stock Worker, by RPC. */
  execute(events: OrderEvent[], within_ms: number): Promise<StockEvent[]>;
  /** Applies outcomes as a `stock-events` message would be; answers with the orders after it. */
  settle(outcomes: StockEvent[], orderIds: string[]): Promise<Order[]>;
  now: () => number;
}

/** Orders in the lane at a time; past it an order takes the queue at once. */
const MAX_ORDERS = 600;
/** Calls under way: with two, one is locked while another is settled. */
const MAX_CALLS = 2;
const CALL_TIMEOUT_MS = 5_000;
/** The stock Worker tells by then what it has, so that one slow item costs only its own orders. */
const ITEMS_TIMEOUT_MS = 3_500;

interface QueuedOrder {
  order: Order;
  answer: (decided: Order | null) => void;
}

/**
 * The direct lane: pending orders go to the stock Worker by RPC instead of by queue. Orders that
 * come while calls are under way share the next one, and so one call per SKU.
 */
export class Lane {
  readonly #ports: LanePorts;
  #queue: QueuedOrder[] = [];
  #orderCount = 0;
  #callCount = 0;

  constructor(ports: LanePorts) {
    this.#ports = ports;
  }

  /** The order once it is decided; null when the lane could not decide it: the queue has to. */
  run(order: Order): Promise<Order | null> {
    if (this.#orderCount >= MAX_ORDERS) return Promise.resolve(null);
    this.#orderCount++;
    return new Promise((answer) => {
      this.#queue.push({ order, answer });
      void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    if (this.#callCount >= MAX_CALLS) return;
    this.#callCount++;
    // Orders that were handed over in the same turn go together.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const group = this.#queue.splice(0, MAX_ORDERS_PER_LANE_CALL);
      const decided = await this.#call(group.map(({ order }) => order));
      this.#orderCount -= group.length;
      for (const { order, answer } of group) answer(decided.get(order.id) ?? null);
    }
    this.#callCount--;
  }

  async #call(orders: Order[]): Promise<Map<string, Order>> {
    const now_ms = this.#ports.now();
    try {
      const events = orders.map((order) => commandOf(order, "lock", now_ms));
      const outcomes = await withTimeout(
        CALL_TIMEOUT_MS,
        () => this.#ports.execute(events, ITEMS_TIMEOUT_MS),
        "the lane",
      );
      const after = await this.#ports.settle(
        outcomes,
        orders.map(({ id }) => id),
      );
      const decided = after.filter(({ status }) => status !== "pending");
      return new Map(decided.map((order) => [order.id, order]));
    } catch (error) {
      log("warn", "lane.failed", { orders: orders.length, error: errorText(error) });
      return new Map();
    }
  }
}
