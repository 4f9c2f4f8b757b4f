import type { OrdersModel } from "./orders.ts";
import type { Report } from "./report.ts";

/** Whatever is shown of an order was committed before, and is shown to nobody else. */

export interface OrderView {
  id: string;
  customerId: string;
  status: string;
  reason: string | null;
  revision: number;
  lines: { sku: string; quantity: number; price: { amount: number } }[];
  total: { amount: number };
  shortages?: { sku: string; reason: string }[];
  placedAt: string;
}

export class Shown {
  readonly #report: Report;
  readonly #orders: OrdersModel;

  /** The database was put back, and revisions are others than the model knows. */
  isOver = false;

  constructor(report: Report, orders: OrdersModel) {
    this.#report = report;
    this.#orders = orders;
  }

  /** The orders in an answer or a message, checked. `customerId` null: an operator sees all. */
  check(body: unknown, customerId: string | null, where: string): OrderView[] {
    const views = viewsIn(body);
    if (this.isOver) return views;
    for (const view of views) {
      const { id, status, revision, customerId: owner } = view;
      const known = this.#orders.orders.get(id);
      const isTrue = known !== undefined && known.steps[revision - 1] === status;
      this.#report.check(
        isTrue,
        where === "feed" ? 9 : 8,
        () => `${where} shows ${id} as ${status} at revision ${revision}, which is not durable`,
      );
      this.#report.check(
        customerId === null || owner === customerId,
        12,
        () => `${where} shows ${id} of ${owner} to ${customerId}`,
      );
      if (isTrue) this.#checkParts(view, where);
    }
    return views;
  }

  /** Its price is that of its lines, and whoever was refused is told by which items. */
  #checkParts({ id, lines, total, reason, shortages = [] }: OrderView, where: string): void {
    const sum = lines.reduce((all, { quantity, price }) => all + quantity * price.amount, 0);
    this.#report.check(sum === total.amount, 8, () => `${where} shows ${id} for ${total.amount}`);
    const refusing = lines.filter(
      ({ sku }) => this.#orders.items.lock(sku, id)?.state === "refused",
    );
    const isRefused = ["out_of_stock", "limit_exceeded", "paused"].includes(reason ?? "");
    const told = shortages.map(({ sku }) => sku).sort();
    this.#report.check(
      String(told) === String(isRefused ? refusing.map(({ sku }) => sku).sort() : []),
      3,
      () => `${where} shows ${id} (${reason}) as refused by ${told.join() || "nobody"}`,
    );
  }
}

function viewsIn(body: unknown): OrderView[] {
  if (typeof body !== "object" || body === null) return [];
  const { order, orders, changes, revision } = body as {
    order?: OrderView;
    orders?: unknown;
    changes?: { order?: OrderView | null }[];
    revision?: number;
  };
  if (changes) return changes.flatMap((change) => change.order ?? []);
  if (typeof revision === "number") return [body as OrderView];
  if (order) return [order];
  return Array.isArray(orders) ? (orders as OrderView[]) : [];
}
