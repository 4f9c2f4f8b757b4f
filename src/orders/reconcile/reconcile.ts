import { delayText } from "../../contract/delivery.ts";
import { errorText, log } from "../../contract/log.ts";
import type { OrderEvent } from "../../contract/order-events.ts";
import type { StockApi } from "../../contract/stock-api.ts";
import type { StockEvent } from "../../contract/stock-events.ts";
import { within } from "../../contract/within.ts";
import { logUntold } from "../feed/feeds.ts";
import { commandOf, type Order, owedBy } from "../order.ts";
import { claimDue, type OrderRow, orderOf } from "../orders.sql.ts";
import { settle, type SettlePorts } from "../settle/settle.ts";
import { postpone, selectPresent, transitionReturning } from "../settle/transitions.sql.ts";

export interface ReconcilePorts extends SettlePorts {
  stock: Pick<StockApi, "execute">;
  random: () => number;
}

/** Orders claimed at a time; one lane call carries their commands. */
const CLAIM = 100;
/** Claims of one pass: what is left over is due still, and the alarm comes back for it. */
const MAX_CLAIMS = 20;
const ITEMS_TIMEOUT_MS = 12_000;
const LANE_TIMEOUT_MS = 20_000;

/**
 * Looks at every order that is due and does what it owes, over the lane. Level-triggered: it never
 * asks how the order came to be stuck, so a lost send, a lost queue, a dead letter and a crash at
 * any line heal the same way. A claim has moved `due_at` on, so a pass may die anywhere.
 */
export async function reconcile(ports: ReconcilePorts): Promise<void> {
  for (let claims = 0; claims < MAX_CLAIMS; claims++) {
    const spread = 0.75 + ports.random() / 4;
    const orders = await claimDue(ports.db, ports.policy, {
      now_ms: ports.now(),
      limit: CLAIM,
      spread,
    });
    const isAnswered = orders.length === 0 || (await act(orders, ports));
    // With the stock Worker away, more claims would only move more orders on for nothing.
    if (orders.length < CLAIM || !isAnswered) return;
  }
}

/** Whether the stock Worker answered, if it was asked. */
async function act(orders: readonly Order[], ports: ReconcilePorts): Promise<boolean> {
  const now_ms = ports.now();
  const owed = orders.map((order) => ({ id: order.id, owes: owedBy(order, ports.policy, now_ms) }));
  const moved = await move(owed, ports, now_ms);
  const commands = [
    ...owed.flatMap(({ owes }) => (owes.type === "command" ? [owes.event] : [])),
    ...moved.flatMap((order) =>
      order.awaits === null ? [] : [commandOf(order, order.awaits, now_ms)],
    ),
  ];
  const settled = commands.length > 0 ? await execute(commands, ports) : 0;
  log("info", "orders.reconciled", {
    claimed: orders.length,
    moved: moved.length,
    commands: commands.length,
    settled,
  });
  return settled !== null;
}

/** The transitions that time has brought about, decided in D1 like all others. */
async function move(
  owed: readonly { id: string; owes: ReturnType<typeof owedBy> }[],
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
    ...transitionReturning(db, "giveUp", late, clock),
    ...transitionReturning(db, "expire", unpaid, clock),
    postpone(db, later),
    selectPresent(
      db,
      [...late, ...unpaid].map(({ id }) => id),
    ),
  ]);
  const { untold } = await feeds.push((present?.results ?? []).map(orderOf));
  logUntold(untold);
  return [...(gaveUp?.results ?? []), ...(expired?.results ?? [])].map(orderOf);
}

/**
 * Returns how many outcomes came back, null when the stock Worker did not answer. Orders without
 * one are due again after their backoff.
 */
async function execute(commands: OrderEvent[], ports: ReconcilePorts): Promise<number | null> {
  let outcomes: StockEvent[];
  try {
    const call = () => ports.stock.execute(commands, ITEMS_TIMEOUT_MS);
    outcomes = await within(LANE_TIMEOUT_MS, call, "the lane");
  } catch (error) {
    log("warn", "lane.failed", { commands: commands.length, error: errorText(error) });
    return null;
  }
  const { undecided } = await settle(outcomes, ports);
  for (const [event, delay] of undecided) {
    log("warn", "outcome.unsettled", { id: event.id, error: delayText(delay) });
  }
  return outcomes.length;
}
