import type { Undecided } from "../../contract/delivery.ts";
import { log } from "../../contract/log.ts";
import type { StockEvent } from "../../contract/stock-events.ts";
import { bisecting } from "../bisect.ts";
import type { Feeds } from "../feed/feeds.ts";
import { applyLevels } from "../items/items.sql.ts";
import { type Order, refusalReason } from "../order.ts";
import { type OrderRow, orderOf } from "../orders.sql.ts";
import type { Policy } from "../policy.ts";
import { acknowledge, selectPresent, transition } from "./transitions.sql.ts";

/** What settling needs of the outside. */
export interface SettlePorts {
  db: D1Database;
  feeds: Feeds;
  policy: Policy;
  now: () => number;
}

/** Events one D1 transaction takes, so that its bound values stay far below D1's 2 MB. */
const MAX_EVENTS = 1_000;

/**
 * Applies what came of orders at their items: the one place where an outcome reaches D1, whether
 * it came by queue, lane or reconcile. One D1 round trip for all, then the feeds of customers who
 * are present are told how each order stands, changed or not. Safe to repeat.
 */
export async function settle(
  events: readonly StockEvent[],
  ports: SettlePorts,
): Promise<Undecided<StockEvent>> {
  const undecided: Undecided<StockEvent> = new Map();
  for (let i = 0; i < events.length; i += MAX_EVENTS) {
    const part = events.slice(i, i + MAX_EVENTS);
    for (const [event, error] of await settlePart(part, ports)) undecided.set(event, error);
  }
  return undecided;
}

async function settlePart(
  events: readonly StockEvent[],
  ports: SettlePorts,
): Promise<Undecided<StockEvent>> {
  const start_ms = ports.now();
  const { results, failed: undecided } = await bisecting(events, (part) => apply(part, ports));
  const { failed: untold } = await ports.feeds.push(results.flat());
  const errors = new Map([...untold].map(([order, error]) => [order.id, error]));
  for (const event of events) {
    const error = "orderId" in event ? errors.get(event.orderId) : undefined;
    if (error !== undefined) undecided.set(event, error);
  }
  log("info", "orders.batch_settled", {
    events: events.length,
    told: results.flat().length,
    undecided: undecided.size,
    tookMs: ports.now() - start_ms,
  });
  return undecided;
}

/** Returns the orders whose customer is present, as they stand after it. */
async function apply(
  events: readonly StockEvent[],
  { db, policy, now }: SettlePorts,
): Promise<Order[]> {
  const clock = { policy, now_ms: now() };
  const { locked, refused, released, committed, levels, orderIds } = fold(events);
  const statements: D1PreparedStatement[] = [];
  if (locked.length > 0) statements.push(transition(db, "confirm", locked, clock));
  if (refused.length > 0) statements.push(transition(db, "refuse", refused, clock));
  if (released.length > 0) statements.push(acknowledge(db, "release", released));
  if (committed.length > 0) statements.push(acknowledge(db, "commit", committed));
  if (levels.length > 0) statements.push(applyLevels(db, levels, clock.now_ms));
  if (orderIds.length > 0) statements.push(selectPresent(db, orderIds));
  const results = await db.batch<OrderRow>(statements);
  return orderIds.length > 0 ? (results.at(-1)?.results ?? []).map(orderOf) : [];
}

/** One entry an order and kind: an UPDATE that meets a row twice would apply either. */
function fold(events: readonly StockEvent[]) {
  const of = <T extends StockEvent["type"]>(type: T) => {
    const own = events.filter((e): e is Extract<StockEvent, { type: T }> => e.type === type);
    return [
      ...new Map(
        own.map((event) => ["orderId" in event ? event.orderId : event.id, event]),
      ).values(),
    ];
  };
  return {
    locked: of("stock.locked").map(({ orderId: id }) => ({ id })),
    refused: of("stock.refused").map(({ orderId: id, shortages }) => {
      return { id, shortages, reason: refusalReason(shortages) };
    }),
    released: of("stock.released").map(({ orderId }) => orderId),
    committed: of("stock.committed").map(({ orderId }) => orderId),
    levels: of("stock.level"),
    orderIds: [...new Set(events.flatMap((e) => ("orderId" in e ? [e.orderId] : [])))],
  };
}
