import type { Order } from "../order.ts";
import { getOrder } from "../orders.sql.ts";
import { policyOf } from "../policy.ts";
import { reconcilerOf } from "../reconcile/reconciler.ts";
import { errorText, log } from "../../contract/log.ts";
import { FIRST_DUE_MS } from "../order.ts";
import { transitionOne } from "../settle/transitions.sql.ts";
import { announcer } from "./announce.ts";

/**
 * Cancels an order that is pending or confirmed and asks for the release of its stock. Answers
 * with the order as it stands after it: another status than `cancelled` means it was too late.
 */
export async function cancelOrder(
  env: OrdersEnv,
  id: string,
  background: (work: Promise<unknown>) => void,
): Promise<Order> {
  const now_ms = Date.now();
  const cancelled = await transitionOne(env.DB, "cancel", id, { policy: policyOf(env), now_ms });
  if (cancelled) {
    background(watch(env, now_ms + FIRST_DUE_MS));
    background(announcer(env).announce({ orders: [cancelled], present: [cancelled] }));
    return cancelled;
  }
  const order = await getOrder(env.DB, id);
  if (!order) throw new Error(`order ${id} is gone`);
  return order;
}

async function watch(env: OrdersEnv, at_ms: number): Promise<void> {
  try {
    await reconcilerOf(env).watch(at_ms);
  } catch (error) {
    log("warn", "reconciler.unreachable", { error: errorText(error) });
  }
}
