import pTimeout from "p-timeout";
import { errorText, log } from "../../contract/log.ts";
import { sendPacked } from "../../contract/messages.ts";
import { type Awaits, commandOf, type Order } from "../order.ts";
import { feedsOf } from "../feed/feeds.ts";
import type { Announcement } from "./desk.ts";

/** A send can hang for a minute (workerd #6053); reconcile does its work long before. */
const SEND_TIMEOUT_MS = 10_000;
/** Announcements under way in one isolate; past it the next are left to reconcile. */
const MAX_UNDER_WAY = 64;

export interface Announcer {
  announce(placed: Announcement): Promise<void>;
}

/**
 * Tells the queue and the feeds of what has been committed. Only the fast path: it never throws,
 * and what it loses is found by `due_at`.
 */
export function announcer(env: OrdersEnv): Announcer {
  let underWay = 0;
  return {
    async announce({ orders, present }) {
      if (underWay >= MAX_UNDER_WAY) {
        return log("warn", "announcement.skipped", { orders: orders.length });
      }
      underWay++;
      try {
        await Promise.all([enqueue(env, orders), tell(env, present)]);
      } finally {
        underWay--;
      }
    },
  };
}

async function enqueue(env: OrdersEnv, orders: readonly Order[]): Promise<void> {
  const now_ms = Date.now();
  const events = orders.flatMap((order) =>
    order.awaits === null ? [] : [commandOf(order, order.awaits satisfies Awaits, now_ms)],
  );
  if (events.length === 0) return;
  try {
    await pTimeout(sendPacked(env.ORDER_EVENTS, events), { milliseconds: SEND_TIMEOUT_MS });
  } catch (error) {
    log("warn", "send.failed", { events: events.length, error: errorText(error) });
  }
}

async function tell(env: OrdersEnv, orders: readonly Order[]): Promise<void> {
  const { failed } = await feedsOf(env).push(orders);
  for (const [order, error] of failed) log("warn", "push.failed", { orderId: order.id, error });
}
