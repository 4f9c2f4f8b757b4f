import { OrderEventSchema } from "../../contract/order-events.ts";
import { ConcurrencyLimit } from "../../runtime/concurrency-limit.ts";
import { errorText, log, traces } from "../../runtime/log.ts";
import { sendPacked } from "../../runtime/queue-producer.ts";
import { feedNotifier, logFailedPushes } from "./feed-notifier.ts";
import { commandsOf, type Order, traceOf } from "./order.ts";

export interface Announcement {
  orders: readonly Order[];
  /** Those of `orders` whose customer has an open feed. */
  present: readonly Order[];
}

/** Concurrent announcements in one isolate. The reconciler finds the orders of skipped ones. */
const MAX_RUNNING = 64;
/** Background work of a request ends after 30 s (Workers limits). A Durable Object's may last this long. */
const LEASE_MS = 60_000;
const running = new ConcurrencyLimit(MAX_RUNNING, LEASE_MS);

/**
 * Sends the order events to the queue and pushes the orders to their customers' feeds, after the
 * commit. Best effort, so it never throws: the reconciler finds any order whose event was lost, by
 * its `due_at`.
 */
export async function announce(env: OrdersEnv, { orders, present }: Announcement): Promise<void> {
  const release = running.tryAcquire(Date.now());
  if (release === null) {
    const skipped = traces(orders.map(traceOf));
    return log("warn", "announcement.skipped", { orders: orders.length, ...skipped });
  }
  try {
    await Promise.all([enqueue(env, orders), notifyCustomers(env, present)]);
  } finally {
    release();
  }
}

async function enqueue(env: OrdersEnv, orders: readonly Order[]): Promise<void> {
  const events = commandsOf(orders, Date.now());
  try {
    await sendPacked(env.ORDER_EVENTS, OrderEventSchema, events);
  } catch (error) {
    const fields = { events: events.length, error: errorText(error) };
    log("warn", "order_events.send_failed", { ...fields, ...traces(orders.map(traceOf)) });
  }
}

/** Pushes these orders to their feeds. Never throws: a feed that misses a push rereads D1. */
export async function notifyCustomers(env: OrdersEnv, orders: readonly Order[]): Promise<void> {
  const { unnotified } = await feedNotifier(env).push(orders);
  logFailedPushes(unnotified);
}
