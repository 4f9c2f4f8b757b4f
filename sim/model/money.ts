import type { OrdersModel, KnownOrder } from "./orders.ts";
import type { Report } from "./report.ts";

/**
 * The reference model of payments and returns. Every payment that was ever recorded stays, in one of
 * four states, and whatever its state says of its order is true after every commit.
 */

export interface PaymentFact {
  reference: string;
  orderId: string;
  amount: number;
  currency: string;
  state: "applied" | "waiting" | "unmatched" | "refunded";
  why: string | null;
  successorId: string | null;
}

export interface ReturnFact {
  id: string;
  orderId: string;
  lines: { sku: string; quantity: number }[];
  restock: boolean;
  /** Null: every item has applied it. */
  dueAt_ms: number | null;
}

interface KnownReturn extends ReturnFact {
  recorded_ms: number;
}

const NEXT: Record<PaymentFact["state"], readonly string[]> = {
  waiting: ["applied", "unmatched"],
  unmatched: ["refunded"],
  applied: [],
  refunded: [],
};

export class MoneyModel {
  readonly payments = new Map<string, PaymentFact>();
  readonly returns = new Map<string, KnownReturn>();
  /** The present price of each item. */
  readonly prices = new Map<string, number>();
  readonly #report: Report;
  readonly #orders: OrdersModel;
  readonly #now: () => number;
  readonly #mayReorder: boolean;

  constructor(report: Report, orders: OrdersModel, now: () => number, mayReorder: boolean) {
    this.#report = report;
    this.#orders = orders;
    this.#now = now;
    this.#mayReorder = mayReorder;
  }

  payment(fact: PaymentFact): void {
    const before = this.payments.get(fact.reference);
    this.payments.set(fact.reference, fact);
    const { reference, state } = fact;
    if (!before) {
      return this.#report.check(
        state !== "refunded",
        14,
        () => `${reference} was refunded before anybody knew of it`,
      );
    }
    const isSame =
      before.orderId === fact.orderId &&
      before.amount === fact.amount &&
      before.currency === fact.currency;
    this.#report.check(isSame, 14, () => `${reference} became another payment`);
    this.#report.check(
      before.state === state || NEXT[before.state].includes(state),
      14,
      () => `${reference} went from ${before.state} to ${state}`,
    );
  }

  returned(fact: ReturnFact): void {
    const before = this.returns.get(fact.id);
    this.returns.set(fact.id, { ...fact, recorded_ms: before?.recorded_ms ?? this.#now() });
    const { items } = this.#orders;
    if (before && before.dueAt_ms !== null && fact.dueAt_ms === null) {
      const missing = fact.lines.filter(({ sku }) => !items.item(sku).operations.has(fact.id));
      this.#report.check(
        missing.length === 0,
        15,
        () => `return ${fact.id} counts as applied, and ${missing[0]?.sku} has not booked it`,
      );
    }
  }

  /** Units of an item that the recorded returns of an order have brought back. */
  returnedOf(orderId: string, sku: string): number {
    let units = 0;
    for (const made of this.returns.values()) {
      if (made.orderId !== orderId) continue;
      for (const line of made.lines) if (line.sku === sku) units += line.quantity;
    }
    return units;
  }

  isReturning(orderId: string): boolean {
    return [...this.returns.values()].some(
      (made) => made.orderId === orderId && made.dueAt_ms !== null,
    );
  }

  #targetOf({ orderId, successorId }: PaymentFact): KnownOrder | undefined {
    return this.#orders.orders.get(successorId ?? orderId);
  }

  /** After every commit of D1. */
  check(): void {
    const applied = new Map<string, string>();
    for (const payment of this.payments.values()) {
      const order = this.#targetOf(payment);
      if (payment.state === "applied" || payment.state === "waiting") {
        this.#checkMatch(payment, order);
      }
      if (payment.state === "applied" && order) {
        const other = applied.get(order.id);
        this.#report.check(
          other === undefined,
          14,
          () => `${order.id} is paid by ${other} and by ${payment.reference}`,
        );
        applied.set(order.id, payment.reference);
      }
    }
    for (const payment of this.payments.values()) {
      if (payment.state === "unmatched") this.#checkMismatch(payment, applied);
    }
    for (const { id, status } of this.#orders.orders.values()) {
      const isPaidFor = applied.has(id) || this.#orders.wishes.pay.has(id);
      this.#report.check(
        status !== "paid" || isPaidFor,
        14,
        () => `${id} is paid, and no payment is applied to it`,
      );
    }
  }

  #checkMatch({ reference, state, amount, currency }: PaymentFact, order?: KnownOrder): void {
    const isRight =
      order !== undefined &&
      order.status === (state === "applied" ? "paid" : "pending") &&
      amount === order.amountDue &&
      currency === order.currency;
    this.#report.check(
      isRight,
      14,
      () =>
        `${reference} of ${amount} is ${state}, and its order ${order?.id} of ${order?.amountDue} is ${order?.status}`,
    );
  }

  /** What is to be refunded could not have been used. */
  #checkMismatch(payment: PaymentFact, applied: ReadonlyMap<string, string>): void {
    const { reference, why, orderId, amount, currency } = payment;
    const named = this.#orders.orders.get(orderId);
    const target = this.#orders.successors.get(orderId) ?? named;
    const isOtherAmount = amount !== target?.amountDue || currency !== target.currency;
    const excuses: Record<string, () => boolean> = {
      unknown_order: () => named === undefined,
      amount: () => isOtherAmount,
      already_paid: () => target !== undefined && applied.has(target.id),
      ended: () => target?.status === "cancelled" && !this.#shouldReorder(target, isOtherAmount),
    };
    this.#report.check(
      excuses[why ?? ""]?.() === true,
      14,
      () => `${reference} is unmatched (${why}), and ${target?.id} is ${target?.status}`,
    );
  }

  /** Late money that nothing stands against has to place a successor. */
  #shouldReorder(order: KnownOrder, isOtherAmount: boolean): boolean {
    if (!this.#mayReorder || isOtherAmount || order.successorOf !== null) return false;
    if (order.reason !== "payment_timeout") return false;
    const hasOtherPrice = order.lines.some(
      ({ sku, price }) => this.prices.get(sku) !== price.amount,
    );
    // Prices change, and change back: only those that never did prove anything.
    const mayHaveChanged = order.lines.some(({ sku }) => this.#changed.has(sku));
    return !this.hasOrderedAgain(order) && !hasOtherPrice && !mayHaveChanged;
  }

  /** Whether the customer has ordered one of the items again since, by another order than this. */
  hasOrderedAgain(order: KnownOrder, successorId = ""): boolean {
    const skus = new Set(order.lines.map(({ sku }) => sku));
    return [...this.#orders.orders.values()].some(
      ({ id, customerId, lines }) =>
        customerId === order.customerId &&
        id > order.id &&
        id !== successorId &&
        lines.some(({ sku }) => skus.has(sku)),
    );
  }

  readonly #changed = new Set<string>();

  price(sku: string, amount: number): void {
    if (this.prices.has(sku) && this.prices.get(sku) !== amount) this.#changed.add(sku);
    this.prices.set(sku, amount);
  }
}
