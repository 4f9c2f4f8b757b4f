import pMap from "p-map";
import { MAX_ORDERS_PER_LANE_CALL } from "../../contract/limits.ts";
import type { Relock } from "../../contract/stock-api.ts";
import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { ordersById } from "../order/order-queries.sql.ts";
import { type Order, originOf } from "../order/order.ts";
import { requeueCommands } from "../order/orders.sql.ts";
import { requeueReturns } from "../order/returns.sql.ts";
import { scheduleReconcile } from "../order/schedule-reconcile.ts";
import type { Difference } from "./difference.ts";

/**
 * Whether repeating the order's command repairs it. Nothing else does: an item that has done what it
 * was told says so again and changes nothing, and committing a missing lock would be a breach.
 */
const isForCommand = ({ kind, status, found }: Difference): boolean =>
  kind === "stuck" || ((status === "paid" || status === "cancelled") && found?.state === "held");

/** Whether the item may have lost returns of the order: it has more units, none that nobody ordered. */
function isForReturns({ sku, status, expected, found }: Difference, order?: Order): boolean {
  if (!order || !found || status !== "paid") return false;
  const lost = found.quantity - (expected?.quantity ?? 0);
  return lost > 0 && lost <= (order.returned?.[sku] ?? 0);
}

const RELOCK_TIMEOUT_MS = 5_000;
const CONCURRENCY = 12;

export interface RepairedDifference extends Difference {
  /** Whether a repair is under way (a command, a return) or done (a lock). False: it is for an operator. */
  repaired: boolean;
}

/**
 * Repairs what can be repaired without taking anything from anybody: repeats commands and returns, and
 * takes the units again that an item has lost, as far as they go, for paid orders first and then for
 * the oldest.
 */
export async function repair(
  env: OrdersEnv,
  differences: readonly Difference[],
): Promise<RepairedDifference[]> {
  if (differences.length === 0) return [];
  const now_ms = Date.now();
  const orders = await ordersById(
    env.DB,
    differences.map(({ orderId }) => orderId),
  );
  const commanded = differences.filter(isForCommand);
  const returning = differences.filter((one) => isForReturns(one, orders.get(one.orderId)));
  const missing = differences.filter(({ kind, expected, found }) => {
    return kind === "missing_lock" || (kind === "stuck" && expected !== null && found === null);
  });
  const locked = new Set<string>();
  // At the same time: items that do not answer take a time-out each.
  const lockItem = async ([sku, own]: [string, Difference[]]) => {
    const locks = own.flatMap((one) => relockOf(one, orders.get(one.orderId)));
    for (const id of await relock(env, sku, locks)) locked.add(`${sku} ${id}`);
  };
  await pMap(
    Map.groupBy(missing, (one) => one.sku),
    lockItem,
    { concurrency: CONCURRENCY },
  );
  // After the locks: a commit needs its lock.
  await requeueCommands(env.DB, idsOf(commanded), now_ms);
  await requeueReturns(env.DB, idsOf(returning), now_ms);
  await scheduleReconcile(env, now_ms);
  const repeated = new Set([...commanded, ...returning]);
  return differences.map((one) => {
    const repaired = repeated.has(one) || locked.has(`${one.sku} ${one.orderId}`);
    return { ...one, repaired };
  });
}

const idsOf = (differences: readonly Difference[]): string[] =>
  differences.map(({ orderId }) => orderId);

function relockOf({ orderId, expected }: Difference, order: Order | undefined): Relock[] {
  if (!order || !expected) return [];
  return [{ orderId, customerId: order.customerId, ...expected, origin: originOf(order) }];
}

async function relock(env: OrdersEnv, sku: string, locks: Relock[]): Promise<string[]> {
  const rank = ({ state, orderId }: Relock) => `${state === "sold" ? 0 : 1} ${orderId}`;
  const sorted = locks.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1));
  const locked: string[] = [];
  try {
    for (let i = 0; i < sorted.length; i += MAX_ORDERS_PER_LANE_CALL) {
      const part = sorted.slice(i, i + MAX_ORDERS_PER_LANE_CALL);
      const call = async () => await env.STOCK.relock(sku, part);
      locked.push(...(await withTimeout(RELOCK_TIMEOUT_MS, call, `stock item ${sku}`)));
    }
  } catch (error) {
    log("warn", "repair.item_failed", { sku, error: errorText(error) });
  }
  return locked;
}
