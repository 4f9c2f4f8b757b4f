import { type OrderRow, orderFromRow, selectPresent } from "../order/order-queries.sql.ts";
import { postpone, transition, type Claim, claimDue } from "../order/orders.sql.ts";
import { delayText } from "../../runtime/queue-consumer.ts";
import { MAX_ORDERS_PER_LANE_CALL } from "../../contract/limits.ts";
import { errorText, log } from "../../runtime/log.ts";
import type { OrderEvent } from "../../contract/order-events.ts";
import type { StockApi } from "../../contract/stock-api.ts";
import type { StockEvent } from "../../contract/stock-events.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { logFailedPushes } from "../order/feed-notifier.ts";
import { commandOf, type Order, nextActionOf } from "../order/order.ts";
import { settle, type SettlePorts } from "../outcomes/settle.ts";

export interface ReconcilePorts extends SettlePorts {
  stock: Pick<StockApi, "execute">;
  random: () => number;
}

/** Orders claimed at a time whose commands go to the stock Worker. */
const CLAIM = 100;
/** Orders claimed at a time that D1 alone can move: as rows at most some 2.5 MB. */
const CLAIM_TIMED = 500;
/** Claims of either kind in one pass: what is left over is due still, and the alarm comes back for it. */
const MAX_CLAIMS = 20;
/** Orders that time has ended whose release is asked for in the same pass; the others are due in 30 s. */
const MAX_RELEASES = 2_000;
const ITEMS_TIMEOUT_MS = 12_000;
const LANE_TIMEOUT_MS = 20_000;

/**
 * Looks at every order that is due and does what it owes, over the lane. Level-triggered: it never
 * asks how the order came to be stuck, so a lost send, a lost queue, a dead letter and a crash at
 * any line heal the same way. A claim has moved `due_at` on, so a pass may die anywhere.
 *
 * Transitions that only time brings about come first, since they need D1 alone: a stock Worker that
 * hangs or is absent holds up none of them. Answers whether the stock Worker answered, if asked.
 */
export async function reconcile(ports: ReconcilePorts): Promise<boolean> {
  const releases: OrderEvent[] = [];
  for (let claims = 0; claims < MAX_CLAIMS; claims++) {
    const orders = await claim("transition", CLAIM_TIMED, ports);
    releases.push(...(await move(orders, ports)));
    if (orders.length < CLAIM_TIMED) break;
  }
  let isAnswered = await executeAll(releases.slice(0, MAX_RELEASES), ports);
  // With the stock Worker away, more claims would only move more orders on for nothing.
  for (let claims = 0; isAnswered && claims < MAX_CLAIMS; claims++) {
    const orders = await claim("stock", CLAIM, ports);
    isAnswered = await executeAll(await move(orders, ports), ports);
    if (orders.length < CLAIM) break;
  }
  return isAnswered;
}

const claim = (need: Claim["needs"], limit: number, { db, policy, now, random }: ReconcilePorts) =>
  claimDue(db, policy, { needs: need, now_ms: now(), limit, jitter: 0.75 + random() / 4 });

/** Makes the transitions that are due. Answers with what the stock Worker is to be asked for then. */
async function move(orders: readonly Order[], ports: ReconcilePorts): Promise<OrderEvent[]> {
  if (orders.length === 0) return [];
  const now_ms = ports.now();
  const owed = orders.map((order) => ({
    id: order.id,
    owes: nextActionOf(order, ports.policy, now_ms),
  }));
  const moved = await moveInTime(owed, ports, now_ms);
  const commands = [
    ...owed.flatMap(({ owes }) => (owes.type === "command" ? [owes.event] : [])),
    ...moved.flatMap((order) =>
      order.awaits === null ? [] : [commandOf(order, order.awaits, now_ms)],
    ),
  ];
  log("info", "orders.reconciled", {
    claimed: orders.length,
    moved: moved.length,
    commands: commands.length,
  });
  return commands;
}

/** The transitions that time has brought about, decided in D1 like all others. */
async function moveInTime(
  owed: readonly { id: string; owes: ReturnType<typeof nextActionOf> }[],
  { db, policy, feeds }: ReconcilePorts,
  now_ms: number,
): Promise<Order[]> {
  const clock = { policy, now_ms };
  const entriesFor = (name: "giveUp" | "expire") =>
    owed.flatMap(({ id, owes }) => {
      return owes.type === "transition" && owes.name === name ? [{ id }] : [];
    });
  const late = entriesFor("giveUp");
  const unpaid = entriesFor("expire");
  const later = owed.flatMap(({ id, owes }) =>
    owes.type === "later" ? [{ id, due_ms: owes.due_ms }] : [],
  );
  if (late.length + unpaid.length + later.length === 0) return [];
  const [, gaveUp, , expired, , present] = await db.batch<OrderRow>([
    ...transition(db, "giveUp", late, clock, "RETURNING *"),
    ...transition(db, "expire", unpaid, clock, "RETURNING *"),
    postpone(db, later),
    selectPresent(
      db,
      [...late, ...unpaid].map(({ id }) => id),
    ),
  ]);
  const { unnotified } = await feeds.push((present?.results ?? []).map(orderFromRow));
  logFailedPushes(unnotified);
  return [...(gaveUp?.results ?? []), ...(expired?.results ?? [])].map(orderFromRow);
}

/** Whether the stock Worker answered every call. */
async function executeAll(
  commands: readonly OrderEvent[],
  ports: ReconcilePorts,
): Promise<boolean> {
  for (let i = 0; i < commands.length; i += MAX_ORDERS_PER_LANE_CALL) {
    const part = commands.slice(i, i + MAX_ORDERS_PER_LANE_CALL);
    if (!(await execute(part, ports))) return false;
  }
  return true;
}

/**
 * Whether the stock Worker answered. Orders without an outcome are due again after their backoff.
 */
async function execute(commands: OrderEvent[], ports: ReconcilePorts): Promise<boolean> {
  let outcomes: StockEvent[];
  try {
    const call = () => ports.stock.execute(commands, ITEMS_TIMEOUT_MS);
    outcomes = await withTimeout(LANE_TIMEOUT_MS, call, "the lane");
  } catch (error) {
    log("warn", "lane.failed", { commands: commands.length, error: errorText(error) });
    return false;
  }
  const { undecided } = await settle(outcomes, ports);
  for (const [event, delay] of undecided) {
    log("warn", "outcome.settle_failed", { id: event.id, error: delayText(delay) });
  }
  return true;
}
