import { ERASED_PREFIX } from "../../contract/erased.ts";
import type { ErasedOrder, LiveLock } from "../../contract/stock-api.ts";
import type { LockState } from "./rules.ts";

/** Reads the table `locks` in pages, for comparison, recovery and erasures. */
export class LockPages {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** Reads `limit` locks after an order id, and returns the live ones. */
  live(after: string, limit: number): { locks: LiveLock[]; next: string | null } {
    const seen = this.#sql
      .exec<{ orderId: string; quantity: number; state: LockState }>(
        `SELECT order_id AS orderId, quantity - returned AS quantity, state FROM locks
         WHERE order_id > ? ORDER BY order_id LIMIT ?`,
        after,
        limit,
      )
      .toArray();
    const locks = seen.filter((lock): lock is LiveLock => {
      return (lock.state === "held" || lock.state === "sold") && lock.quantity > 0;
    });
    return { locks, next: seen.length < limit ? null : (seen.at(-1)?.orderId ?? null) };
  }

  /** Reads `limit` locks after an order id, and returns those of erased customers. */
  erased(after: string, limit: number): { orders: ErasedOrder[]; next: string | null } {
    const seen = this.#sql
      .exec<{ orderId: string; erasedId: string | null }>(
        `SELECT order_id AS orderId, customer_id AS erasedId FROM locks
         WHERE order_id > ? ORDER BY order_id LIMIT ?`,
        after,
        limit,
      )
      .toArray();
    const orders = seen.filter((one): one is ErasedOrder => {
      return one.erasedId?.startsWith(ERASED_PREFIX) ?? false;
    });
    return { orders, next: seen.length < limit ? null : (seen.at(-1)?.orderId ?? null) };
  }

  /**
   * Reads `limit` locks between two order ids, and returns the customer's. By the key: an index by
   * customer would cost a row for every lock.
   */
  ofCustomer(
    customerId: string,
    { after, before }: { after: string; before: string },
    limit: number,
  ): { orderIds: string[]; next: string | null } {
    const seen = this.#sql
      .exec<{ orderId: string; owner: string | null }>(
        `SELECT order_id AS orderId, customer_id AS owner FROM locks
         WHERE order_id > ? AND order_id < ? ORDER BY order_id LIMIT ?`,
        after,
        before,
        limit,
      )
      .toArray();
    const orderIds = seen.flatMap(({ orderId, owner }) => (owner === customerId ? [orderId] : []));
    return { orderIds, next: seen.length < limit ? null : (seen.at(-1)?.orderId ?? null) };
  }
}
