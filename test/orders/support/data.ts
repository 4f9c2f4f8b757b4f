import { env } from "cloudflare:workers";
import { newOrderId } from "../../../src/contract/order-id.ts";
import {
  type StockEvent,
  stockLevel,
  stockOutcome,
  stockRefused,
  type Shortage,
} from "../../../src/contract/stock-events.ts";
import type { FeedNotifier } from "../../../src/orders/order/feed-notifier.ts";
import { getOrder } from "../../../src/orders/order/order-queries.sql.ts";
import type { Order, TransitionName } from "../../../src/orders/order/order.ts";
import { type Clock, transition } from "../../../src/orders/order/orders.sql.ts";
import type { SettlePorts } from "../../../src/orders/outcomes/settle.ts";
import {
  type Candidate,
  placeAll,
  type Placement,
} from "../../../src/orders/place/placement.sql.ts";
import { failedWith, type Undecided } from "../../../src/runtime/queue-consumer.ts";
import { POLICY } from "../../support/order.ts";
import { newCustomer } from "./worker.ts";

export { POLICY } from "../../support/order.ts";

export interface ItemOptions {
  currency?: string;
  amount?: number;
  limitPerCustomer?: number | null;
  paymentWindow_ms?: number | null;
  available?: number;
  /** How long ago the item confirmed its level; null: never. */
  levelAge_ms?: number | null;
  saleStartsAt_ms?: number | null;
  saleEndsAt_ms?: number | null;
}

let items = 0;
export const newSku = (): string => `SKU-${++items}`;

/** An item of the catalogue; without options one whose level nobody has confirmed. */
export async function addItem(options: ItemOptions = {}, sku = newSku()): Promise<string> {
  const { currency = "EUR", amount = 250, limitPerCustomer = null, available = 0 } = options;
  const { paymentWindow_ms = null } = options;
  const { levelAge_ms = null, saleStartsAt_ms = null, saleEndsAt_ms = null } = options;
  const levelAt = levelAge_ms === null ? null : Date.now() - levelAge_ms;
  await env.DB.prepare(
    `INSERT INTO items (sku, name, price_amount, price_currency, limit_per_customer, sale_starts_at,
       sale_ends_at, updated_at, received, available, level_at, level_version,
       payment_window_ms)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?8, ?9, 1, ?10)
     ON CONFLICT (sku) DO UPDATE SET available = excluded.available,
       received = excluded.received, level_at = excluded.level_at,
       sale_starts_at = excluded.sale_starts_at, sale_ends_at = excluded.sale_ends_at`,
  )
    .bind(
      sku,
      `The ${sku}`,
      amount,
      currency,
      limitPerCustomer,
      saleStartsAt_ms,
      saleEndsAt_ms,
      available,
      levelAt,
      paymentWindow_ms,
    )
    .run();
  return sku;
}

export function candidateFor(sku: string, parts: Partial<Candidate> = {}): Candidate {
  return {
    id: newOrderId(Date.now()),
    customerId: newCustomer(),
    key: null,
    lines: [{ sku, quantity: 1 }],
    ...parts,
  };
}

export async function place(
  candidate: Candidate,
  { policy = POLICY, now_ms = Date.now() } = {},
): Promise<Placement> {
  const [placement] = await placeAll(env.DB, [candidate], policy, now_ms);
  if (!placement) throw new Error("no placement");
  return placement;
}

/** A pending order as D1 has it. */
export async function pendingOrder(
  parts: Partial<Candidate> & { placedAt_ms?: number } = {},
): Promise<Order> {
  const { placedAt_ms = Date.now(), ...candidate } = parts;
  const sku = await addItem();
  const placement = await place(candidateFor(sku, candidate), { now_ms: placedAt_ms });
  if (placement.type !== "placed") throw new Error(`not placed: ${placement.type}`);
  return placement.order;
}

export async function orderNow(id: string): Promise<Order> {
  const order = await getOrder(env.DB, id);
  if (!order) throw new Error(`no order ${id}`);
  return order;
}

/** Sets columns of an order as no code of the Worker would. */
export async function tamper(id: string, columns: Record<string, unknown>): Promise<void> {
  const names = Object.keys(columns);
  const sets = names.map((name) => `${name} = ?`).join(", ");
  await env.DB.prepare(`UPDATE orders SET ${sets} WHERE id = ?`)
    .bind(...names.map((name) => columns[name]), id)
    .run();
}

export const locked = (id: string): StockEvent => stockOutcome("stock.locked", id, Date.now());
export const released = (id: string): StockEvent => stockOutcome("stock.released", id, Date.now());
export const committed = (id: string): StockEvent =>
  stockOutcome("stock.committed", id, Date.now());
export const refused = (id: string, shortages: Shortage[] = []): StockEvent =>
  stockRefused(id, shortages, Date.now());
export function levelOf(sku: string, available: number, levelVersion: number): StockEvent {
  const level = { sku, received: available, available, held: 0, sold: 0 };
  return stockLevel({ level, levelVersion, breaches: 0, at: new Date().toISOString() });
}

export interface ToldFeeds extends FeedNotifier {
  told: Order[];
}

/** Feeds that only write down what they were told; `failFor` says which orders they refuse. */
export function fakeFeeds(failFor: (order: Order) => boolean = () => false): ToldFeeds {
  const told: Order[] = [];
  return {
    told,
    async push(orders) {
      const unnotified: Undecided<Order> = new Map();
      for (const order of orders) {
        if (failFor(order)) unnotified.set(order, failedWith("the feed does not answer"));
        else told.push(order);
      }
      return { unnotified };
    },
    isExhausted: () => false,
  };
}

export const portsWith = (parts: Partial<SettlePorts> = {}): SettlePorts => ({
  db: env.DB,
  feeds: fakeFeeds(),
  policy: POLICY,
  now: Date.now,
  watch: async () => {},
  ...parts,
});

/** One order moved as a call would move it. */
export async function moveOne(name: TransitionName, id: string, clock: Clock): Promise<void> {
  await env.DB.batch(transition(env.DB, name, [{ id }], clock));
}

export async function markPresent(customerId: string): Promise<void> {
  await env.DB.prepare("INSERT INTO presence (customer_id, since) VALUES (?, 0)")
    .bind(customerId)
    .run();
}

export async function isMarkedPresent(customerId: string): Promise<boolean> {
  const row = await env.DB.prepare("SELECT 1 FROM presence WHERE customer_id = ?")
    .bind(customerId)
    .first();
  return row !== null;
}
