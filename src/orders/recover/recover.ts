import { orderIdFloor } from "../../contract/order-id.ts";
import type { StockApi, StoredDecision } from "../../contract/stock-api.ts";
import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import type { Policy } from "../config/policy.ts";
import { FrozenError } from "../database/fenced.ts";
import { getItem } from "../items/item-queries.sql.ts";
import { insertDraft } from "../items/items.sql.ts";
import { type OrderRow, orderFromRow, ordersById } from "../order/order-queries.sql.ts";
import type { Status } from "../order/order.ts";
import { type Rebuilt, recoverAll } from "./apply-recovery.ts";
import { decideRecovery, type Recovery } from "./decide-recovery.ts";
import { recoverErasures } from "./recover-erasures.ts";
import { decisionsOf, partsOf, skusOf, type Unsettled, unsettledFrom } from "./unsettled.ts";

/**
 * Rebuilds what a database that was put back has lost, from what the items have decided. First the
 * items, by the index of SKUs: their orders since the time that the database is from. Then the orders
 * that the database holds as unfinished: their items know what became of them. At last the items once
 * more: whose customers were erased.
 */

export type RecoverCursor =
  | { phase: "items"; sku: string; after: string }
  | { phase: "orders"; after: string }
  | { phase: "erasures"; sku: string; after: string };

export const RECOVER_START: RecoverCursor = { phase: "items", sku: "", after: "" };

export interface RecoverPorts {
  /** Fenced: a second restore ends the run. */
  db: D1Database;
  stock: Pick<StockApi, "skus" | "decisions" | "decisionsFor" | "erasures">;
  policy: Policy;
  /** Orders placed since are looked for at the items. Milliseconds since 1970. */
  since_ms: number;
  /** False: only says what it would do. */
  isApplied: boolean;
  now: () => number;
}

export interface RecoveredOrder {
  orderId: string;
  customerId: string;
  /** In the restored database; null: it does not know the order. */
  before: Status | null;
  after: Status;
}

/** What cannot be known any more. */
export interface Unrecoverable {
  sku: string;
  /** Null: of the item itself. */
  orderId: string | null;
  /**
   * `no_record`: the item keeps nothing to rebuild the order from. `unknown_item`: the catalogue has
   * lost the item, and no order tells its name and price.
   */
  why: "no_record" | "unknown_item";
}

export interface RecoverPage {
  orders: RecoveredOrder[];
  unrecoverable: Unrecoverable[];
  /** Items that are drafts now, because the catalogue had lost them. */
  drafts: string[];
  next: RecoverCursor | null;
}

/** Clocks differ, and an order has the time of its Worker. */
const MARGIN_MS = 600_000;
/** Pages of 200 orders, or items without any, that one call looks at; it ends after `CALL_MS`. */
const MAX_STEPS = 100;
const CALL_MS = 8_000;
/** Orders that one step of the second phase reads. */
const ORDERS_PER_STEP = 200;
const ITEM_TIMEOUT_MS = 5_000;

/** Works on one bounded part. Safe to repeat, also when it died half way. */
export async function recoverPage(from: RecoverCursor, ports: RecoverPorts): Promise<RecoverPage> {
  const page: RecoverPage = { orders: [], unrecoverable: [], drafts: [], next: from };
  const end_ms = ports.now() + CALL_MS;
  for (let steps = 0; page.next && steps < MAX_STEPS && ports.now() < end_ms; steps++) {
    const { next } = page;
    try {
      page.next = await step(next, ports, page);
    } catch (error) {
      // What is done is done: the next call goes on at the step that failed.
      if (steps === 0 || error instanceof FrozenError) throw error;
      log("warn", "recovery.step_failed", { error: errorText(error) });
      break;
    }
    // An answer stays small enough to be read.
    if (page.orders.length + page.unrecoverable.length >= ORDERS_PER_STEP) break;
  }
  return page;
}

function step(
  next: RecoverCursor,
  ports: RecoverPorts,
  page: RecoverPage,
): Promise<RecoverCursor | null> {
  if (next.phase === "items") return itemStep(next, ports, page);
  return next.phase === "orders" ? orderStep(next, ports, page) : erasureStep(next, ports, page);
}

/** The next page of an item, or the first page of the item behind it. */
async function itemStep(
  { sku: last, after }: RecoverCursor & { phase: "items" },
  ports: RecoverPorts,
  page: RecoverPage,
): Promise<RecoverCursor> {
  const { stock, since_ms } = ports;
  const sku = after === "" ? (await stock.skus(last)).skus[0] : last;
  if (sku === undefined) return { phase: "orders", after: "" };
  const floor = after === "" ? orderIdFloor(since_ms - MARGIN_MS) : after;
  const call = async () => await stock.decisions(sku, floor);
  const { decisions, next } = await withTimeout(ITEM_TIMEOUT_MS, call, `stock item ${sku}`);
  await restoreItem(sku, decisions, ports, page);
  const known = await ordersById(
    ports.db,
    decisions.map(({ orderId }) => orderId),
  );
  const lost = decisions.filter(({ orderId }) => !known.has(orderId));
  for (const { orderId, origin, customerId } of lost) {
    if (origin === null || customerId === null) {
      page.unrecoverable.push({ sku, orderId, why: "no_record" });
    }
  }
  const orders = lost.flatMap(({ orderId: id, origin, customerId }): Unsettled[] =>
    origin && customerId !== null ? [{ id, customerId, origin, before: null }] : [],
  );
  for (const part of partsOf(orders)) await recoverPart(part, ports, page, sku);
  return { phase: "items", sku, after: next ?? "" };
}

/**
 * Rebuilds one order that only its items know. Null: this item keeps nothing to rebuild it from.
 * Returns what the order is then.
 */
export async function adoptOrder(
  sku: string,
  id: string,
  ports: Pick<RecoverPorts, "db" | "stock" | "policy" | "now">,
): Promise<RecoveredOrder | null> {
  const [decision] = await ports.stock.decisionsFor(sku, [id]);
  if (!decision || decision.origin === null || decision.customerId === null) return null;
  const page: RecoverPage = { orders: [], unrecoverable: [], drafts: [], next: null };
  const { customerId, origin } = decision;
  const all = { ...ports, since_ms: 0, isApplied: true };
  await recoverPart([{ id, customerId, origin, before: null }], all, page, null);
  return page.orders[0] ?? null;
}

/** The catalogue went back too: what it has lost comes back as a draft, which nobody can order. */
async function restoreItem(
  sku: string,
  decisions: readonly StoredDecision[],
  { db, isApplied, now }: RecoverPorts,
  page: RecoverPage,
): Promise<void> {
  if ((await getItem(db, sku)) || page.drafts.includes(sku)) return;
  const origin = decisions.findLast((one) => one.origin !== null)?.origin;
  const line = origin?.lines.find((one) => one.sku === sku);
  if (!origin || !line) {
    page.unrecoverable.push({ sku, orderId: null, why: "unknown_item" });
    return;
  }
  page.drafts.push(sku);
  if (!isApplied) return;
  const draft = { sku, name: line.name, amount: line.price, currency: origin.currency };
  await insertDraft(db, draft, now()).run();
}

async function orderStep(
  { after }: RecoverCursor & { phase: "orders" },
  ports: RecoverPorts,
  page: RecoverPage,
): Promise<RecoverCursor | null> {
  const { results } = await ports.db
    .prepare("SELECT * FROM orders WHERE id > ? ORDER BY id LIMIT ?")
    .bind(after, ORDERS_PER_STEP)
    .all<OrderRow>();
  const open = results
    .map(orderFromRow)
    .filter(({ status }) => status === "pending" || status === "confirmed");
  for (const part of partsOf(open.map(unsettledFrom))) await recoverPart(part, ports, page, null);
  const last = results.at(-1)?.id;
  return results.length < ORDERS_PER_STEP || !last
    ? { phase: "erasures", sku: "", after: "" }
    : { phase: "orders", after: last };
}

async function erasureStep(
  { sku: last, after }: RecoverCursor & { phase: "erasures" },
  ports: RecoverPorts,
  page: RecoverPage,
): Promise<RecoverCursor | null> {
  const sku = after === "" ? (await ports.stock.skus(last)).skus[0] : last;
  if (sku === undefined) return null;
  const { orders, next } = await recoverErasures({ sku, after }, ports);
  for (const { orderId, erasedId: customerId, status } of orders) {
    page.orders.push({ orderId, customerId, before: status, after: status });
  }
  return { phase: "erasures", sku, after: next ?? "" };
}

const AFTER = { confirm: "confirmed", pay: "paid", cancel: "cancelled" } as const;

const statusAfter = (recovery: Recovery, before: Status | null): Status =>
  recovery.type === "left" ? (before ?? "pending") : AFTER[recovery.type];

/** `at`: the item by which the orders were found. Each is told of once, at the first of its items. */
async function recoverPart(
  part: readonly Unsettled[],
  ports: RecoverPorts,
  page: RecoverPage,
  at: string | null,
): Promise<void> {
  const bySku = await decisionsOf(part, ports.stock);
  const rebuilt: Rebuilt[] = [];
  const recovered: { id: string; recovery: Recovery }[] = [];
  for (const order of part) {
    const skus = skusOf(order);
    const decisions = new Map(
      skus.flatMap((sku) => {
        const decision = bySku.get(sku)?.get(order.id);
        return decision ? [[sku, decision] as const] : [];
      }),
    );
    const first = [...decisions.keys()].toSorted()[0];
    // Applied, the order is known by then.
    if (!ports.isApplied && at !== null && first !== at) continue;
    const recovery = decideRecovery(order.before, skus, decisions);
    const { id, customerId, origin, before } = order;
    if (origin) rebuilt.push({ id, customerId, origin });
    // One that is pending still has no revision that anybody could have seen later.
    if (before === "confirmed" || recovery.type !== "left") recovered.push({ id, recovery });
    const after = statusAfter(recovery, before);
    if (after !== before) page.orders.push({ orderId: id, customerId, before, after });
  }
  const { db, policy, isApplied, now } = ports;
  if (isApplied && rebuilt.length + recovered.length > 0) {
    await recoverAll(db, policy, { rebuilt, recovered }, now());
  }
}
