import type { OrderView } from "../order/order.ts";

/** Orders that are remembered; an older one is pushed once more than needed. */
const MAX_ORDERS = 500;

/** What was pushed to every open socket, so that a reread does not send it again. */
export class PushedRevisions {
  readonly #revisions = new Map<string, number>();

  add(orders: readonly Pick<OrderView, "id" | "revision">[]): void {
    for (const { id, revision } of orders) {
      const known = this.#revisions.get(id) ?? 0;
      this.#revisions.delete(id);
      this.#revisions.set(id, Math.max(known, revision));
      const [oldest] = this.#revisions.keys();
      if (this.#revisions.size > MAX_ORDERS && oldest !== undefined) this.#revisions.delete(oldest);
    }
  }

  missing<O extends Pick<OrderView, "id" | "revision">>(orders: readonly O[]): O[] {
    return orders.filter(({ id, revision }) => revision > (this.#revisions.get(id) ?? 0));
  }
}
