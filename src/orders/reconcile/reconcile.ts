import { MAX_ORDERS_PER_LANE_CALL } from "../../contract/limits.ts";
import { type OrderEvent, orderReturned } from "../../contract/order-events.ts";
import type { StockApi } from "../../contract/stock-api.ts";
import type { StockEvent } from "../../contract/stock-events.ts";
import { traceIdsIn } from "../../contract/trace.ts";
import { errorText, log, traces } from "../../runtime/log.ts";
import { delayText } from "../../runtime/queue-consumer.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { listChanges } from "../order/changes.sql.ts";
import { logFailedPushes } from "../order/feed-notifier.ts";
import {
  type OrderRow,
  orderFromRow,
  ordersById,
  selectPresent,
} from "../order/order-queries.sql.ts";
import { commandsOf, type NextAction, nextActionOf, type Order, traceOf } from "../order/order.ts";
import { postpone, transition, type Claim, claimDue } from "../order/orders.sql.ts";
import { judgeWaiting } from "../order/payments.sql.ts";
import { requestHashOf, type Return } from "../order/return.ts";
import { claimDueReturns } from "../order/returns.sql.ts";
import { settle, type SettlePorts } from "../outcomes/settle.ts";

export interface ReconcilePorts extends SettlePorts {
  stock: Pick<StockApi, "execute">;
  random: () => number;
  /** No deadline ends an order before this; 0: as the orders say. */
  deadlinesFrom_ms: number;
}

/** Orders of one claim whose commands go to the stock Worker. */
const CLAIM = 100;
/** Orders of one claim that need D1 alone: as rows at most some 2.5 MB. */
const CLAIM_TIMED = 500;
/** Claims of either kind in one pass. What is left stays due, and the alarm starts another pass. */
const MAX_CLAIMS = 20;
/** Returns of one claim. */
const CLAIM_RETURNS = 100;
/** Releases of cancelled orders that one pass sends. The others are due in 30 s. */
const MAX_RELEASES = 2_000;
const ITEMS_TIMEOUT_MS = 12_000;
const LANE_TIMEOUT_MS = 20_000;

/**
 * One pass: claims every order that is due, and makes its transition or sends its command over the
 * lane. Level-triggered: a pass acts on the order's state and never asks how the order got stuck, so
 * a lost send, a lost queue, a dead letter and a crash at any line heal the same way. A claim has set
 * the next `due_at` already, so a pass may die anywhere.
 *
 * Transitions of passed deadlines come first. They need D1 alone, so a stock Worker that hangs or is
 * absent delays none of them. Returns false if the stock Worker was called and did not answer.
 */
export async function reconcile(ports: ReconcilePorts): Promise<boolean> {
  const releases: OrderEvent[] = [];
  for (let claims = 0; claims < MAX_CLAIMS; claims++) {
    const orders = await claim("transition", CLAIM_TIMED, ports);
    releases.push(...(await advance(orders, ports)));
    if (orders.length < CLAIM_TIMED) break;
  }
  let isAnswered = await sendAll(releases.slice(0, MAX_RELEASES), ports);
  // Without the stock Worker, further claims would only delay more orders.
  for (let claims = 0; isAnswered && claims < MAX_CLAIMS; claims++) {
    const orders = await claim("stock", CLAIM, ports);
    isAnswered = await sendAll(await advance(orders, ports), ports);
    if (orders.length < CLAIM) break;
  }
  for (let claims = 0; isAnswered && claims < MAX_CLAIMS; claims++) {
    const returns = await claimReturns(ports);
    isAnswered = await sendReturns(returns, ports);
    if (returns.length < CLAIM_RETURNS) break;
  }
  return isAnswered;
}

const jitterOf = (random: () => number): number => 0.75 + random() / 4;

const claimReturns = ({ db, now, random }: ReconcilePorts): Promise<Return[]> =>
  claimDueReturns(db, { now_ms: now(), limit: CLAIM_RETURNS, jitter: jitterOf(random) });

/**
 * Sends returns to their items, after the commits of their orders that stock has not acknowledged: an
 * item takes back only what it has sold. In calls of their own, so that a stock Worker of an earlier
 * version, which refuses a call with a return, still gets every other command.
 */
async function sendReturns(returns: readonly Return[], ports: ReconcilePorts): Promise<boolean> {
  if (returns.length === 0) return true;
  const now_ms = ports.now();
  const orders = await ordersById(
    ports.db,
    returns.map(({ orderId }) => orderId),
  );
  const commits = commandsOf([...orders.values()], now_ms);
  if (!(await sendAll(commits, ports))) return false;
  const events = returns.map((made) => returnEvent(made, orders.get(made.orderId), now_ms));
  return await sendAll(await Promise.all(events), ports);
}

async function returnEvent(
  made: Return,
  order: Order | undefined,
  now_ms: number,
): Promise<OrderEvent> {
  const { id: returnId, orderId, customerId, lines, restock, reason, actor } = made;
  const trace = order && { traceId: traceOf(order) };
  const requestHash = await requestHashOf(made);
  const facts = { orderId, returnId, requestHash, customerId, lines, restock, reason, actor };
  return orderReturned({ ...facts, ...trace }, now_ms);
}

const claim = (needs: Claim["needs"], limit: number, ports: ReconcilePorts): Promise<Order[]> => {
  const { db, policy, now, random } = ports;
  return claimDue(db, policy, { needs, now_ms: now(), limit, jitter: jitterOf(random) });
};

type Action = { id: string; next: NextAction };

/** Makes the transitions that are due, and returns the commands for the stock Worker. */
async function advance(orders: readonly Order[], ports: ReconcilePorts): Promise<OrderEvent[]> {
  if (orders.length === 0) return [];
  const now_ms = ports.now();
  const actions = orders.map((order): Action => {
    return {
      id: order.id,
      next: nextActionOf(order, ports.policy, now_ms, ports.deadlinesFrom_ms),
    };
  });
  const moved = await applyDeadlines(actions, ports, now_ms);
  const commands = [
    ...actions.flatMap(({ next }) => (next.type === "command" ? [next.event] : [])),
    ...commandsOf(moved, now_ms),
  ];
  const counts = { claimed: orders.length, moved: moved.length, commands: commands.length };
  log("info", "orders.reconciled", { ...counts, ...traces(orders.map(traceOf)) });
  return commands;
}

/** Cancels orders whose deadline has passed, and sets `due_at` for those that need nothing yet. */
async function applyDeadlines(
  actions: readonly Action[],
  { db, policy, feeds }: ReconcilePorts,
  now_ms: number,
): Promise<Order[]> {
  const clock = { policy, now_ms };
  const entriesFor = (name: "giveUp" | "expire") =>
    actions.flatMap(({ id, next }) => {
      return next.type === "transition" && next.name === name ? [{ id }] : [];
    });
  const unlocked = entriesFor("giveUp");
  const unpaid = entriesFor("expire");
  const later = actions.flatMap(({ id, next }) =>
    next.type === "later" ? [{ id, due_ms: next.due_ms }] : [],
  );
  if (unlocked.length + unpaid.length + later.length === 0) return [];
  const ids = [...unlocked, ...unpaid].map(({ id }) => id);
  const givingUp = transition(db, "giveUp", unlocked, clock, { returning: "RETURNING *" });
  const expiring = transition(db, "expire", unpaid, clock, { returning: "RETURNING *" });
  const results = await db.batch<OrderRow>([
    ...givingUp,
    ...expiring,
    judgeWaiting(db, ids, now_ms),
    postpone(db, later),
    ...listChanges(db, policy, { orders: ids, paid: ids }, now_ms),
    selectPresent(db, ids),
  ]);
  const gaveUp = results[givingUp.length - 1];
  const expired = results[givingUp.length + expiring.length - 1];
  const present = results.at(-1);
  const { unnotified } = await feeds.push((present?.results ?? []).map(orderFromRow));
  logFailedPushes(unnotified);
  return [...(gaveUp?.results ?? []), ...(expired?.results ?? [])].map(orderFromRow);
}

/**
 * Sends commands to the stock Worker and settles their outcomes. Returns whether it answered every
 * call. Orders without an outcome are due again after their backoff.
 */
async function sendAll(commands: readonly OrderEvent[], ports: ReconcilePorts): Promise<boolean> {
  for (let i = 0; i < commands.length; i += MAX_ORDERS_PER_LANE_CALL) {
    const part = commands.slice(i, i + MAX_ORDERS_PER_LANE_CALL);
    let outcomes: StockEvent[];
    try {
      const call = () => ports.stock.execute(part, ITEMS_TIMEOUT_MS);
      outcomes = await withTimeout(LANE_TIMEOUT_MS, call, "the lane");
    } catch (error) {
      const fields = { commands: part.length, error: errorText(error) };
      log("warn", "lane.failed", { ...fields, ...traces(traceIdsIn(part)) });
      return false;
    }
    const { undecided } = await settle(outcomes, ports);
    for (const [event, delay] of undecided) {
      const fields = { id: event.id, error: delayText(delay) };
      log("warn", "outcome.settle_failed", { ...fields, ...traces(traceIdsIn([event])) });
    }
  }
  return true;
}
