import { sendPacked } from "../../runtime/queue-producer.ts";
import { errorText, log } from "../../runtime/log.ts";
import { OrderEventSchema } from "../../contract/order-events.ts";
import { ConcurrencyLimit } from "../../runtime/concurrency-limit.ts";
import { feedNotifier, logFailedPushes } from "./feed-notifier.ts";
import { commandOf, type Order } from "./order.ts";

export interface Announcement {
  orders: readonly Order[];
  /** Those of them whose customer has a feed open. */
  present: readonly Order[];
}

/** Announcements under way in one isolate; past it the next are left to reconcile. */
const MAX_UNDER_WAY = 64;
/** Background work of a request ends after 30 s (Workers limits); an object may take this long. */
const LEASE_MS = 60_000;
const underWay = new ConcurrencyLimit(MAX_UNDER_WAY, LEASE_MS);

/**
 * Tells the queue and the feeds of what has been committed. Only the fast path: it never throws,
 * and what it loses is found by `due_at`.
 */
export async function announce(env: OrdersEnv, { orders, present }: Announcement): Promise<void> {
  const release = underWay.tryAcquire(Date.now());
  if (release === null) return log("warn", "announcement.skipped", { orders: orders.length });
  try {
    await Promise.all([enqueue(env, orders), notifyCustomers(env, present)]);
  } finally {
    release();
  }
}

async function enqueue(env: OrdersEnv, orders: readonly Order[]): Promise<void> {
  const now_ms = Date.now();
  const events = orders.flatMap((order) =>
    order.awaits === null ? [] : [commandOf(order, order.awaits, now_ms)],
  );
  try {
    await sendPacked(env.ORDER_EVENTS, OrderEventSchema, events);
  } catch (error) {
    log("warn", "send.failed", { events: events.length, error: errorText(error) });
  }
}

/** Tells the feeds how these orders stand. Never throws: who missed it sees it by the next snapshot. */
export async function notifyCustomers(env: OrdersEnv, orders: readonly Order[]): Promise<void> {
  const { unnotified } = await feedNotifier(env).push(orders);
  logFailedPushes(unnotified);
}
