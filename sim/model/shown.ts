import type { OrdersModel } from "./orders.ts";
import type { Report } from "./report.ts";

/** Whatever is shown of an order was committed before, and is shown to nobody else. */

export interface OrderView {
  id: string;
  customerId: string;
  status: string;
  reason: string | null;
  revision: number;
  lines: { sku: string; quantity: number }[];
  placedAt: string;
}

export class Shown {
  readonly #report: Report;
  readonly #orders: OrdersModel;

  constructor(report: Report, orders: OrdersModel) {
    this.#report = report;
    this.#orders = orders;
  }

  /** The orders in an answer or a message, checked. `customerId` null: an operator sees all. */
  check(body: unknown, customerId: string | null, where: string): OrderView[] {
    const views = viewsIn(body);
    for (const { id, status, revision, customerId: owner } of views) {
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
    }
    return views;
  }
}

function viewsIn(body: unknown): OrderView[] {
  if (typeof body !== "object" || body === null) return [];
  const { order, orders, revision } = body as {
    order?: OrderView;
    orders?: unknown;
    revision?: number;
  };
  if (typeof revision === "number") return [body as OrderView];
  if (order) return [order];
  return Array.isArray(orders) ? (orders as OrderView[]) : [];
}
