import { chunksOf } from "../../contract/chunks.ts";
import { shortageFrom, type StockEvent } from "../../contract/stock-events.ts";
import { traceIdsIn } from "../../contract/trace.ts";
import { log, traces } from "../../runtime/log.ts";
import { failedWith, type Undecided } from "../../runtime/queue-consumer.ts";
import type { Policy } from "../config/policy.ts";
import { bisect } from "../database/bisect.ts";
import { FrozenError } from "../database/fenced.ts";
import { applyLevels } from "../items/items.sql.ts";
import { listChanges } from "../order/changes.sql.ts";
import type { FeedNotifier } from "../order/feed-notifier.ts";
import {
  type OrderRow,
  orderFromRow,
  selectOrders,
  selectPresent,
} from "../order/order-queries.sql.ts";
import { type Order, refusalReason } from "../order/order.ts";
import { acknowledge, delayBreached, transition } from "../order/orders.sql.ts";
import { payWaiting } from "../order/pay-waiting.ts";
import { judgeWaiting } from "../order/payments.sql.ts";
import { acknowledgeReturns, delayReturns } from "../order/returns.sql.ts";

/** The bindings and functions that settling uses. */
export interface SettlePorts {
  db: D1Database;
  feeds: FeedNotifier;
  policy: Policy;
  now: () => number;
  /** Asks the reconciler to run a pass at `at_ms`. */
  watch: (at_ms: number) => Promise<unknown>;
}

export interface Settled {
  undecided: Undecided<StockEvent>;
  /** The orders of `readIds`, read after the events were applied. */
  orders: Order[];
}

/** Events and shortages in one D1 transaction: as JSON far below the 2 MB of a bound value. */
const MAX_EVENTS = 1_000;
const MAX_SHORTAGES = 3_000;

/**
 * Applies the outcomes of stock to D1. Outcomes from the queue, the lane and the reconciler all go
 * through this function. It applies them in one D1 round trip, and then pushes each order to its
 * customer's feed, changed or not, if the customer is present. Safe to repeat.
 */
export async function settle(
  allEvents: readonly StockEvent[],
  ports: SettlePorts,
  readIds: readonly string[] = [],
): Promise<Settled> {
  const settled: Settled = { undecided: new Map(), orders: [] };
  for (const events of partsOf(allEvents)) {
    const part = await settlePart(events, ports, readIds);
    for (const [event, delay] of part.undecided) settled.undecided.set(event, delay);
    settled.orders = part.orders;
  }
  return settled;
}

/** Splits events into the parts that one D1 transaction takes. */
export function partsOf(events: readonly StockEvent[]): StockEvent[][] {
  const shortagesIn = (e: StockEvent) => (e.type === "stock.refused" ? e.shortages.length : 0);
  return chunksOf(events, shortagesIn, { count: MAX_EVENTS, size: MAX_SHORTAGES });
}

async function settlePart(
  events: readonly StockEvent[],
  ports: SettlePorts,
  readIds: readonly string[],
): Promise<Settled> {
  const start_ms = ports.now();
  let isFrozen = false;
  const { results, failed } = await bisect(events, async (part) => {
    try {
      return await apply(part, ports, readIds);
    } catch (error) {
      if (!(error instanceof FrozenError)) throw error;
      // Nothing is lost: what an order awaits stays due, and its items are asked again after the thaw.
      isFrozen = true;
      return NOTHING;
    }
  });
  if (isFrozen) log("warn", "outcomes.dropped", { events: events.length, why: "frozen" });
  const undecided: Undecided<StockEvent> = new Map(
    [...failed].map(([event, error]) => [event, failedWith(error)]),
  );
  const present = results.flatMap((result) => result.present);
  const { unnotified } = await ports.feeds.push(present);
  const delays = new Map([...unnotified].map(([order, delay]) => [order.id, delay]));
  for (const event of events) {
    const delay = "orderId" in event ? delays.get(event.orderId) : undefined;
    if (delay) undecided.set(event, delay);
  }
  await watchExpiry(events, ports, start_ms);
  // Nobody announces an order that a waiting payment has paid, so its commit is due at once.
  if (results.some(({ paid }) => paid > 0)) await ports.watch(start_ms);
  const counts = { events: events.length, notified: present.length, undecided: undecided.size };
  const took = { tookMs: ports.now() - start_ms };
  log("info", "orders.batch_settled", { ...counts, ...took, ...traces(traceIdsIn(events)) });
  return { undecided, orders: results.at(-1)?.orders ?? [] };
}

/**
 * While anything is due, the reconciler runs at least once a minute and then learns of `payBy`. Only
 * the end of a shorter payment window has to be scheduled.
 */
async function watchExpiry(
  events: readonly StockEvent[],
  { policy: { paymentWindow_ms }, watch }: SettlePorts,
  now_ms: number,
): Promise<void> {
  const isShort = paymentWindow_ms > 0 && paymentWindow_ms < 60_000;
  if (isShort && events.some(({ type }) => type === "stock.locked")) {
    await watch(now_ms + paymentWindow_ms);
  }
}

interface Applied {
  /** The new state of the orders whose customer is present. */
  present: Order[];
  orders: Order[];
  /** How many orders a waiting payment has paid. */
  paid: number;
}

const NOTHING: Applied = { present: [], orders: [], paid: 0 };

async function apply(
  events: readonly StockEvent[],
  { db, policy, now }: SettlePorts,
  readIds: readonly string[],
): Promise<Applied> {
  const clock = { policy, now_ms: now() };
  const { locked, refused, released, committed, returned, breached, levels, orderIds } =
    fold(events);
  const statements: D1PreparedStatement[] = [];
  let paidAt: number | null = null;
  if (locked.length > 0) {
    statements.push(...transition(db, "confirm", locked, clock), ...payWaiting(db, locked, clock));
    paidAt = statements.length - 1;
  }
  if (refused.length > 0) statements.push(...transition(db, "refuse", refused, clock));
  const decided = [...locked, ...refused].map(({ id }) => id);
  if (decided.length > 0) statements.push(judgeWaiting(db, decided, clock.now_ms));
  if (released.length > 0) statements.push(acknowledge(db, "release", released));
  if (committed.length > 0) statements.push(acknowledge(db, "commit", committed));
  if (returned.length > 0) statements.push(acknowledgeReturns(db, returned));
  if (breached.length > 0) statements.push(...delayAll(db, breached, clock.now_ms));
  if (levels.length > 0) statements.push(applyLevels(db, levels, clock.now_ms));
  const skus = levels.map(({ level }) => level.sku);
  const touched = { orders: decided, paid: decided, skus };
  statements.push(
    ...listChanges(db, policy, touched, clock.now_ms),
    selectPresent(db, orderIds),
    selectOrders(db, readIds),
  );
  const results = await db.batch<OrderRow>(statements);
  const [present, orders] = results.slice(-2);
  return {
    paid: paidAt === null ? 0 : (results[paidAt]?.meta.changes ?? 0),
    present: (present?.results ?? []).map(orderFromRow),
    orders: (orders?.results ?? []).map(orderFromRow),
  };
}

/** A command that an item contradicts is repeated by the hour: it is for an operator to mend. */
const BREACH_RETRY_MS = 3_600_000;

function delayAll(
  db: D1Database,
  breached: readonly { orderId: string; returnId?: string | undefined }[],
  now_ms: number,
): D1PreparedStatement[] {
  const due_ms = now_ms + BREACH_RETRY_MS;
  const orders = breached.flatMap(({ orderId, returnId }) => (returnId ? [] : [orderId]));
  const returns = breached.flatMap(({ returnId }) => returnId ?? []);
  return [delayBreached(db, orders, { due_ms, now_ms }), delayReturns(db, returns, due_ms)];
}

/** Keeps one event per order and type: an UPDATE that meets a row twice would apply either one. */
function fold(events: readonly StockEvent[]) {
  const of = <T extends StockEvent["type"]>(type: T) => {
    const own = events.filter((e): e is Extract<StockEvent, { type: T }> => e.type === type);
    const keyOf = (event: StockEvent) =>
      "orderId" in event && !("returnId" in event) ? event.orderId : event.id;
    return [...new Map(own.map((event) => [keyOf(event), event])).values()];
  };
  return {
    locked: of("stock.locked").map(({ orderId: id }) => ({ id })),
    refused: of("stock.refused").map(({ orderId: id, shortages: sent }) => {
      const shortages = sent.map(shortageFrom);
      return { id, shortages, reason: refusalReason(shortages) };
    }),
    released: of("stock.released").map(({ orderId }) => orderId),
    committed: of("stock.committed").map(({ orderId }) => orderId),
    returned: of("stock.returned").map(({ returnId }) => returnId),
    breached: of("stock.breached"),
    levels: of("stock.level"),
    orderIds: [...new Set(events.flatMap((e) => ("orderId" in e ? [e.orderId] : [])))],
  };
}
