import type { OrderView } from "../../src/orders/order/order.ts";

interface Seen {
  revision: number;
  status: string;
  reason: string | null;
}

/** What the clients were told, which has to be true at the end. */
export class Journal {
  /** Operations that were answered, by kind. */
  readonly answered = new Map<string, number>();
  /** Calls that got no answer, or 5xx. */
  failures = 0;
  /** Orders that got a 2xx, with the customer who placed them. */
  readonly placed = new Map<string, string>();
  /** The order each idempotency key stands for. */
  readonly byKey = new Map<string, string>();
  /** What any answer or push said of an order. */
  readonly seen = new Map<string, Seen[]>();
  /** Orders whose cancellation or payment was answered 2xx. */
  readonly cancelled = new Set<string>();
  readonly paid = new Set<string>();
  /** Placements without a key that got no answer: each may have placed one order. */
  unheard = 0;
  /** Units received or taken away per SKU, as acknowledged. */
  readonly adjusted = new Map<string, number>();
  readonly violations: string[] = [];

  count(kind: string): void {
    this.answered.set(kind, (this.answered.get(kind) ?? 0) + 1);
  }

  get operations(): number {
    return [...this.answered.values()].reduce((sum, n) => sum + n, 0);
  }

  tell(order: OrderView): void {
    const { id, revision, status, reason } = order;
    const seen = this.seen.get(id) ?? [];
    const before = seen.find((one) => one.revision === revision);
    if (!before) seen.push({ revision, status, reason });
    else if (before.status !== status || before.reason !== reason) {
      this.violation(`order ${id}: revision ${revision} was ${before.status}, then ${status}`);
    }
    this.seen.set(id, seen);
  }

  accept(customerId: string, order: OrderView, key: string | null): void {
    this.tell(order);
    this.placed.set(order.id, customerId);
    if (order.customerId !== customerId) this.violation(`order ${order.id}: of somebody else`);
    if (key === null) return;
    const first = this.byKey.get(key);
    if (first !== undefined && first !== order.id) {
      this.violation(`key ${key}: order ${first}, then ${order.id}`);
    }
    this.byKey.set(key, order.id);
  }

  violation(what: string): void {
    this.violations.push(what);
  }
}
