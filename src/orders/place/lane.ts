import { MAX_ORDERS_PER_LANE_CALL } from "../../contract/limits.ts";
import type { OrderEvent } from "../../contract/order-events.ts";
import type { StockEvent } from "../../contract/stock-events.ts";
import { errorText, log, traces } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { commandOf, type Order, traceOf } from "../order/order.ts";

export interface LanePorts {
  /** Calls the stock Worker by RPC. */
  execute(events: OrderEvent[], within_ms: number): Promise<StockEvent[]>;
  /** Settles outcomes like a `stock-events` message, and returns the orders as they are then. */
  settle(outcomes: StockEvent[], orderIds: string[]): Promise<Order[]>;
  now: () => number;
}

/** Orders in the lane at a time; above it an order goes to the queue at once. */
const MAX_ORDERS = 600;
/** Concurrent calls: with two, stock locks one group while D1 settles the other. */
const MAX_CALLS = 2;
const CALL_TIMEOUT_MS = 5_000;
/** Time limit for the items. It ends before the call's, so one slow item delays only its orders. */
const ITEMS_TIMEOUT_MS = 3_500;

interface QueuedOrder {
  order: Order;
  resolve: (decided: Order | null) => void;
}

/**
 * The lane sends pending orders to the stock Worker by RPC instead of by queue. Orders that arrive
 * while calls are running are grouped into the next call, which calls each SKU's item once.
 */
export class Lane {
  readonly #ports: LanePorts;
  #queue: QueuedOrder[] = [];
  #orderCount = 0;
  #callCount = 0;

  constructor(ports: LanePorts) {
    this.#ports = ports;
  }

  /** Returns the order once it is decided, or null when the queue has to take it. */
  run(order: Order): Promise<Order | null> {
    if (this.#orderCount >= MAX_ORDERS) return Promise.resolve(null);
    this.#orderCount++;
    return new Promise((resolve) => {
      this.#queue.push({ order, resolve });
      void this.#drain();
    });
  }

  async #drain(): Promise<void> {
    if (this.#callCount >= MAX_CALLS) return;
    this.#callCount++;
    // Lets the other orders of this turn join the same call.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const group = this.#queue.splice(0, MAX_ORDERS_PER_LANE_CALL);
      const decided = await this.#call(group.map(({ order }) => order));
      this.#orderCount -= group.length;
      for (const { order, resolve } of group) resolve(decided.get(order.id) ?? null);
    }
    this.#callCount--;
  }

  async #call(orders: Order[]): Promise<Map<string, Order>> {
    const now_ms = this.#ports.now();
    try {
      const events = orders.map((order) => commandOf(order, "lock", now_ms));
      const execute = () => this.#ports.execute(events, ITEMS_TIMEOUT_MS);
      const outcomes = await withTimeout(CALL_TIMEOUT_MS, execute, "the lane");
      const ids = orders.map(({ id }) => id);
      const after = await this.#ports.settle(outcomes, ids);
      const decided = after.filter(({ status }) => status !== "pending");
      return new Map(decided.map((order) => [order.id, order]));
    } catch (error) {
      const fields = { orders: orders.length, error: errorText(error) };
      log("warn", "lane.failed", { ...fields, ...traces(orders.map(traceOf)) });
      return new Map();
    }
  }
}
