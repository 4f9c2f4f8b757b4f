import { type Actor, SYSTEM } from "../../contract/actor.ts";
import { type OrderEvent, orderEvent, type Origin } from "../../contract/order-events.ts";
import type { Shortage } from "../../contract/stock-events.ts";
import { madeTraceId } from "../../contract/trace.ts";
import type { Policy } from "../config/policy.ts";

/** The life of an order: its transitions, and what it needs next. No I/O. */

export type Status = "pending" | "confirmed" | "paid" | "cancelled";
/** What clients see: a paid order of which every unit was returned is `returned`. */
export type ShownStatus = Status | "returned";
export type Reason =
  | "out_of_stock"
  | "limit_exceeded"
  | "paused"
  | "customer_request"
  | "operator_request"
  | "payment_timeout"
  | "lock_timeout"
  /** It ended, and the database that knew why was put back. */
  | "not_recorded";
/** The command that stock has not acknowledged. */
export type Awaits = "lock" | "release" | "commit";

export interface Money {
  /** In minor units of the currency. */
  amount: number;
  /** ISO 4217. */
  currency: string;
}

export interface Line {
  sku: string;
  name: string;
  quantity: number;
  price: Money;
  /** The item's limit per customer when the order was placed; null: no limit. */
  limitPerCustomer: number | null;
}

export interface HistoryEntry {
  revision: number;
  status: Status;
  reason: Reason | null;
  at_ms: number;
  /** Null: the system. Absent: an earlier version, which kept no actors, wrote the entry. */
  actor?: Actor | null;
  /** Only where the status does not say it. */
  step?: "extended" | "returned" | "window_opened" | "recovered";
  /** Only in the first entry, if the caller named the trace in which it placed the order. */
  traceId?: string;
}

export type Step = "placed" | Exclude<Status, "pending"> | NonNullable<HistoryEntry["step"]>;

/** An entry as operators see it. `actor` is null if an earlier version wrote the entry. */
export const historyView = ({ revision, status, reason, at_ms, actor, step }: HistoryEntry) => ({
  revision,
  step: step ?? stepInto(revision, status),
  status,
  reason,
  at: iso(at_ms),
  actor: actor === null ? SYSTEM : (actor ?? null),
});

const stepInto = (revision: number, status: Status): Step =>
  status === "pending" || revision === 1 ? "placed" : status;

export interface Order {
  id: string;
  customerId: string;
  status: Status;
  reason: Reason | null;
  shortages: Shortage[] | null;
  lines: Line[];
  total: Money;
  /** What a payment has to equal, in the currency of the total. 0: no payment is needed. */
  amountDue: number;
  /** The client's own; null: none. */
  metadata: Record<string, string> | null;
  revision: number;
  placedAt_ms: number;
  updatedAt_ms: number;
  payBy_ms: number | null;
  /** How often the payment window was extended. */
  extensions: number;
  /** The expired order whose late payment placed this one. */
  successorOf: string | null;
  /** The idempotency key; null: it was placed without one. */
  key: string | null;
  /** Who owns the key; null: the customer. */
  keyOwner: string | null;
  /** Its own payment window; 0: without limit, null: as long as the deployment's. */
  paymentWindow_ms: number | null;
  /** Returned units by SKU; null: none. */
  returned: Record<string, number> | null;
  /** When the last unit was returned; null: some are still sold. */
  returnedAt_ms: number | null;
  awaits: Awaits | null;
  /** Since when what it awaits contradicts what an item has decided; null: it does not. */
  breachedAt_ms: number | null;
  dueAt_ms: number | null;
  attempts: number;
  history: HistoryEntry[];
}

/** The one trace id of the order's whole way. */
export const traceOf = ({ id, history }: Pick<Order, "id" | "history">): string =>
  history[0]?.traceId ?? madeTraceId(id);

export interface Transition {
  from: readonly Status[];
  to: Status;
  /** The reason of a cancellation. A refusal has a reason of its own. */
  reason: Reason | null;
  awaits: Awaits | null;
}

/** All transitions. D1 applies each as one conditional update, which decides races. */
export const TRANSITIONS = {
  confirm: { from: ["pending"], to: "confirmed", reason: null, awaits: null },
  refuse: { from: ["pending"], to: "cancelled", reason: "out_of_stock", awaits: null },
  giveUp: { from: ["pending"], to: "cancelled", reason: "lock_timeout", awaits: "release" },
  cancel: {
    from: ["pending", "confirmed"],
    to: "cancelled",
    reason: "customer_request",
    awaits: "release",
  },
  expire: { from: ["confirmed"], to: "cancelled", reason: "payment_timeout", awaits: "release" },
  pay: { from: ["confirmed"], to: "paid", reason: null, awaits: "commit" },
} as const satisfies Record<string, Transition>;

export type TransitionName = keyof typeof TRANSITIONS;

/** The reconciler looks at an order that nothing has changed for this long. */
export const FIRST_DUE_MS = 30_000;

/** When the reconciler first looks at a new order: no later than its lock deadline. */
export function firstDue_ms({ lockDeadline_ms }: Pick<Policy, "lockDeadline_ms">): number {
  return lockDeadline_ms === 0 ? FIRST_DUE_MS : Math.min(FIRST_DUE_MS, lockDeadline_ms);
}

/** When the reconciler next looks at an order after a transition; null: never. */
export function dueAfter(name: TransitionName, payBy_ms: number | null, now_ms: number) {
  if (TRANSITIONS[name].awaits !== null) return now_ms + FIRST_DUE_MS;
  return name === "confirm" ? payBy_ms : null;
}

export function payByFor({ paymentWindow_ms }: Policy, now_ms: number): number | null {
  return paymentWindow_ms === 0 ? null : now_ms + paymentWindow_ms;
}

/** The reason of a refusal, from the shortages that the items recorded. */
export function refusalReason(shortages: readonly Shortage[]): Reason {
  const reasons = new Set(shortages.map((shortage) => shortage.reason));
  // Before the others, as at the door: once it is resumed the same order may be filled.
  if (reasons.has("paused")) return "paused";
  if (reasons.has("out_of_stock") || reasons.size === 0) return "out_of_stock";
  return reasons.has("limit_exceeded") ? "limit_exceeded" : "lock_timeout";
}

/** What a due order needs: a transition first, a command to stock, or only a later `due_at`. */
export type NextAction =
  | { type: "transition"; name: "giveUp" | "expire" }
  | { type: "command"; event: OrderEvent }
  | { type: "later"; due_ms: number | null };

/** `deadlinesFrom_ms`: no deadline ends an order before this. */
export function nextActionOf(
  order: Order,
  { lockDeadline_ms }: Policy,
  now_ms: number,
  deadlinesFrom_ms = 0,
): NextAction {
  const { awaits, status, placedAt_ms, payBy_ms, amountDue } = order;
  const givesUp_ms = Math.max(placedAt_ms + lockDeadline_ms, deadlinesFrom_ms);
  const isPastDeadline = lockDeadline_ms > 0 && now_ms >= givesUp_ms;
  if (awaits === "lock" && isPastDeadline) return { type: "transition", name: "giveUp" };
  if (awaits !== null) return { type: "command", event: commandOf(order, awaits, now_ms) };
  // An order with an amount due of 0 needs no payment, so it never expires.
  const isWaiting = status === "confirmed" && amountDue > 0 && payBy_ms !== null;
  const expires_ms = isWaiting ? Math.max(payBy_ms, deadlinesFrom_ms) : null;
  if (expires_ms !== null && now_ms >= expires_ms) return { type: "transition", name: "expire" };
  return { type: "later", due_ms: expires_ms };
}

const EVENT_FOR = {
  lock: "order.placed",
  release: "order.cancelled",
  commit: "order.paid",
} as const satisfies Record<Awaits, OrderEvent["type"]>;

/** The event that commands stock to do what this order awaits. */
export function commandOf(order: Order, awaits: Awaits, now_ms: number): OrderEvent {
  const lines = order.lines.map(({ sku, quantity, limitPerCustomer }) =>
    limitPerCustomer === null ? { sku, quantity } : { sku, quantity, limitPerCustomer },
  );
  const { id: orderId, customerId } = order;
  const facts = {
    orderId,
    customerId,
    lines,
    traceId: traceOf(order),
    ...(awaits !== "commit" && { origin: originOf(order) }),
  };
  return orderEvent(EVENT_FOR[awaits], facts, now_ms);
}

/** What the items keep of the order. */
export function originOf(order: Order): Origin {
  const { amountDue, total, key, keyOwner, successorOf, paymentWindow_ms } = order;
  return {
    lines: order.lines.map(({ sku, name, quantity, price, limitPerCustomer: limit }) => {
      const limitPerCustomer = limit === null ? {} : { limitPerCustomer: limit };
      return { sku, name, quantity, price: price.amount, ...limitPerCustomer };
    }),
    currency: total.currency,
    ...(amountDue !== total.amount && { amountDue }),
    ...(key !== null && { key }),
    ...(keyOwner !== null && { keyOwner }),
    ...(successorOf !== null && { successorOf }),
    ...(paymentWindow_ms !== null && { paymentWindow_ms }),
  };
}

/** The events for those of these orders that await something. */
export const commandsOf = (orders: readonly Order[], now_ms: number): OrderEvent[] =>
  orders.flatMap((order) =>
    order.awaits === null ? [] : [commandOf(order, order.awaits, now_ms)],
  );

/** The order as clients see it. */
export interface OrderView {
  id: string;
  status: ShownStatus;
  reason: Reason | null;
  shortages?: Shortage[];
  lines: LineView[];
  total: Money;
  amountDue: number;
  metadata?: Record<string, string>;
  successorOf?: string;
  customerId: string;
  revision: number;
  placedAt: string;
  updatedAt: string;
  payBy: string | null;
}

export interface LineView extends Omit<Line, "limitPerCustomer"> {
  /** Units that came back. Absent: none. */
  returned?: number;
}

/** Members that an order of version 0.1.0 does not have. */
type Later =
  | "amountDue"
  | "metadata"
  | "extensions"
  | "successorOf"
  | "returned"
  | "returnedAt_ms"
  | "key"
  | "keyOwner"
  | "paymentWindow_ms"
  | "breachedAt_ms";

/** An order that may have been read by the version before. */
type ReadOrder = Omit<Order, Later> & Partial<Pick<Order, Later>>;

/**
 * The order as clients see it. While a version is deployed, an object of the version before may have
 * read the order, without the members that came later.
 */
export function viewOf(order: ReadOrder): OrderView {
  const { amountDue = order.total.amount, successorOf = null, returnedAt_ms = null } = order;
  return {
    id: order.id,
    status: returnedAt_ms === null ? order.status : "returned",
    reason: order.reason,
    ...(order.shortages && { shortages: order.shortages }),
    lines: order.lines.map(({ sku, name, quantity, price }) => {
      const returned = order.returned?.[sku];
      return { sku, name, quantity, price, ...(returned !== undefined && { returned }) };
    }),
    total: order.total,
    amountDue,
    ...(order.metadata && { metadata: order.metadata }),
    ...(successorOf !== null && { successorOf }),
    customerId: order.customerId,
    revision: order.revision,
    placedAt: iso(order.placedAt_ms),
    updatedAt: iso(order.updatedAt_ms),
    // An order that needs no payment may have a `payBy` that an earlier version stored.
    payBy: order.payBy_ms === null || amountDue === 0 ? null : iso(order.payBy_ms),
  };
}

export const isUnfinished = ({ status }: { status: ShownStatus }): boolean =>
  status === "pending" || status === "confirmed";

const iso = (ms: number): string => new Date(ms).toISOString();
