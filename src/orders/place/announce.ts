import { errorText, log } from "../../contract/log.ts";
import { sendPacked } from "../../contract/messages.ts";
import { OrderEventSchema } from "../../contract/order-events.ts";
import { feedsOf, logUntold } from "../feed/feeds.ts";
import { commandOf, type Order } from "../order.ts";

export interface Announcement {
  orders: readonly Order[];
  /** Those of them whose customer has a feed open. */
  present: readonly Order[];
}

/** Announcements under way in one isolate; past it the next are left to reconcile. */
const MAX_UNDER_WAY = 64;
let underWay = 0;

/**
 * Tells the queue and the feeds of what has been committed. Only the fast path: it never throws,
 * and what it loses is found by `due_at`.
 */
export async function announce(env: OrdersEnv, { orders, present }: Announcement): Promise<void> {
  if (underWay >= MAX_UNDER_WAY) {
    return log("warn", "announcement.skipped", { orders: orders.length });
  }
  underWay++;
  try {
    await Promise.all([enqueue(env, orders), tell(env, present)]);
  } finally {
    underWay--;
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
export async function tell(env: OrdersEnv, orders: readonly Order[]): Promise<void> {
  const { untold } = await feedsOf(env).push(orders);
  logUntold(untold);
}
