import type { LedgerPage, LiveLock, Movement } from "../contract/stock-api.ts";
import type { Counters, Lock, LockState } from "./item.ts";
import { type ItemRow, type LockRow, migrate, type MovementRow } from "./item-schema.ts";

/** The tables of one stock item, in its Durable Object's SQLite. Nobody else touches them. */

export interface ItemState extends Counters {
  sku: string;
  levelVersion: number;
  breaches: number;
  /** Since the first command with a limit, the units of every customer are counted. */
  countsCustomers: boolean;
  /** Orders older than this are no longer remembered. */
  watermark_ms: number;
  pruneCursor: string;
  pruneAt_ms: number;
}

export interface NewMovement {
  kind: Exclude<Movement["kind"], "opening">;
  quantity: number;
  orderId?: string;
  operationId?: string;
  reason?: string;
  at_ms: number;
}

export class ItemStore {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    migrate(sql);
  }

  state(sku: string): ItemState {
    const [row] = this.#sql.exec<ItemRow>("SELECT * FROM item WHERE one = 1");
    return {
      sku: row?.sku ?? sku,
      received: row?.received ?? 0,
      available: row?.available ?? 0,
      held: row?.held ?? 0,
      sold: row?.sold ?? 0,
      levelVersion: row?.level_version ?? 0,
      breaches: row?.breaches ?? 0,
      countsCustomers: row?.counts_customers === 1,
      watermark_ms: row?.watermark_ms ?? 0,
      pruneCursor: row?.prune_cursor ?? "",
      pruneAt_ms: row?.prune_at ?? 0,
    };
  }

  save(s: ItemState): void {
    this.#sql.exec(
      `INSERT OR REPLACE INTO item (one, sku, received, available, held, sold, level_version,
         breaches, counts_customers, watermark_ms, prune_cursor, prune_at)
       VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      s.sku,
      s.received,
      s.available,
      s.held,
      s.sold,
      s.levelVersion,
      s.breaches,
      s.countsCustomers ? 1 : 0,
      s.watermark_ms,
      s.pruneCursor,
      s.pruneAt_ms,
    );
  }

  lock(orderId: string): Lock | undefined {
    const [row] = this.#sql.exec<LockRow>(
      "SELECT customer_id, quantity, state, shortage FROM locks WHERE order_id = ?",
      orderId,
    );
    if (!row) return undefined;
    const { customer_id: customerId, quantity, state } = row;
    const shortage = row.shortage === null ? null : (JSON.parse(row.shortage) as Lock["shortage"]);
    return { orderId, customerId, quantity, state, shortage };
  }

  saveLock(lock: Lock, at_ms: number): void {
    const endedAt = lock.state === "held" ? null : at_ms;
    const shortage = lock.shortage && JSON.stringify(lock.shortage);
    this.#sql.exec(
      `INSERT INTO locks (order_id, customer_id, quantity, state, shortage, ended_at)
       VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (order_id) DO UPDATE SET state = excluded.state, ended_at = excluded.ended_at`,
      lock.orderId,
      lock.customerId,
      lock.quantity,
      lock.state,
      shortage,
      endedAt,
    );
  }

  append({ kind, quantity, orderId, operationId, reason, at_ms }: NewMovement, c: Counters): void {
    this.#sql.exec(
      `INSERT INTO movements
         (kind, quantity, order_id, operation_id, reason, at, available, held, sold)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      kind,
      quantity,
      orderId ?? null,
      operationId ?? null,
      reason ?? null,
      at_ms,
      c.available,
      c.held,
      c.sold,
    );
  }

  /** Looks through `limit` locks after an order id. */
  liveLocks(after: string, limit: number): { locks: LiveLock[]; next: string | null } {
    const seen = this.#sql
      .exec<{ orderId: string; quantity: number; state: LockState }>(
        `SELECT order_id AS orderId, quantity, state FROM locks
         WHERE order_id > ? ORDER BY order_id LIMIT ?`,
        after,
        limit,
      )
      .toArray();
    const locks = seen.filter((lock): lock is LiveLock => {
      return lock.state === "held" || lock.state === "sold";
    });
    return { locks, next: seen.length < limit ? null : (seen.at(-1)?.orderId ?? null) };
  }

  operation(id: string): { delta: number; result: string } | undefined {
    const [row] = this.#sql.exec<{ delta: number; result: string }>(
      "SELECT delta, result FROM operations WHERE id = ?",
      id,
    );
    return row;
  }

  saveOperation(id: string, delta: number, result: string, at_ms: number): void {
    this.#sql.exec("INSERT INTO operations VALUES (?, ?, ?, ?)", id, delta, result, at_ms);
  }

  /** Counts what every customer has live here, once; from then on `addUnits` keeps the count. */
  countCustomers(): void {
    this.#sql.exec(
      `INSERT INTO customers
       SELECT customer_id, sum(quantity) FROM locks
       WHERE state IN ('held', 'sold') AND customer_id IS NOT NULL GROUP BY customer_id`,
    );
  }

  customerUnits(customerId: string): number {
    const [row] = this.#sql.exec<{ units: number }>(
      "SELECT units FROM customers WHERE customer_id = ?",
      customerId,
    );
    return row?.units ?? 0;
  }

  addUnits(customerId: string, units: number): void {
    this.#sql.exec(
      `INSERT INTO customers VALUES (?, ?)
       ON CONFLICT (customer_id) DO UPDATE SET units = units + excluded.units`,
      customerId,
      units,
    );
    this.#sql.exec("DELETE FROM customers WHERE customer_id = ? AND units <= 0", customerId);
  }

  ledger({ before, limit }: { before: number | null; limit: number }): LedgerPage {
    const rows = this.#sql
      .exec<MovementRow>(
        "SELECT * FROM movements WHERE seq < ? ORDER BY seq DESC LIMIT ?",
        before ?? Number.MAX_SAFE_INTEGER,
        limit + 1, // one more than asked for tells whether there is a further page
      )
      .toArray();
    const movements = rows.slice(0, limit).map(movementOf);
    return { movements, next: rows.length > limit ? (movements.at(-1)?.seq ?? null) : null };
  }

  /** Forgets up to `limit` locks that ended before `cutoff_ms`. Returns the cursor, '' at the end. */
  pruneLocks(cursor: string, floor: string, cutoff_ms: number, limit: number): string {
    const seen = this.#sql
      .exec<{ order_id: string; ended_at: number | null }>(
        `SELECT order_id, ended_at FROM locks WHERE order_id > ? AND order_id < ?
         ORDER BY order_id LIMIT ?`,
        cursor,
        floor,
        limit,
      )
      .toArray();
    for (const { order_id, ended_at } of seen) {
      if (ended_at === null || ended_at >= cutoff_ms) continue;
      this.#sql.exec("DELETE FROM locks WHERE order_id = ?", order_id);
    }
    return seen.length < limit ? "" : (seen.at(-1)?.order_id ?? "");
  }

  /**
   * Folds up to `limit` movements older than `cutoff_ms` into one opening balance. Returns whether
   * there may be more.
   */
  pruneLedger(cutoff_ms: number, limit: number): boolean {
    const [last] = this.#sql.exec<{ seq: number | null; count: number }>(
      `SELECT max(seq) AS seq, count(*) AS count FROM
         (SELECT seq, at FROM movements ORDER BY seq LIMIT ?) WHERE at < ?`,
      limit,
      cutoff_ms,
    );
    if (!last?.seq) return false;
    this.#sql.exec("DELETE FROM movements WHERE seq < ?", last.seq);
    this.#sql.exec(
      `UPDATE movements SET kind = 'opening', quantity = available + held + sold,
         order_id = NULL, operation_id = NULL, reason = NULL
       WHERE seq = ? AND kind <> 'opening'`,
      last.seq,
    );
    return last.count === limit;
  }

  /** Forgets up to `limit` operations older than `cutoff_ms`. Returns whether there may be more. */
  pruneOperations(cutoff_ms: number, limit: number): boolean {
    const { rowsWritten } = this.#sql.exec(
      `DELETE FROM operations WHERE rowid IN
         (SELECT rowid FROM operations WHERE at < ? ORDER BY rowid LIMIT ?)`,
      cutoff_ms,
      limit,
    );
    return rowsWritten >= limit;
  }
}

function movementOf(row: MovementRow): Movement {
  const { seq, kind, quantity, reason, available, held, sold } = row;
  return {
    seq,
    kind,
    quantity,
    orderId: row.order_id,
    operationId: row.operation_id,
    reason,
    at: new Date(row.at).toISOString(),
    balance: { received: available + held + sold, available, held, sold },
  };
}
