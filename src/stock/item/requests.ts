import type { Adjustment, AdjustResult } from "../../contract/stock-api.ts";
import type { ReturnCommand } from "./rules.ts";

/** The result of an adjustment that is recorded under its operation id. */
type RecordedResult = Exclude<AdjustResult, { code: "operation_reused" }>;
type StoredResult = RecordedResult & { reason?: string };

export interface StoredAdjustment {
  delta: number;
  /** Undefined if an earlier version, which did not store reasons, wrote the row. */
  reason: string | undefined;
  result: RecordedResult;
}

/** The tables `operations` and `returns`: what was done already, so that a repeat changes nothing. */
export class Requests {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  adjustment(id: string): StoredAdjustment | undefined {
    const [row] = this.#sql.exec<{ delta: number; result: string }>(
      "SELECT delta, result FROM operations WHERE id = ?",
      id,
    );
    if (!row) return undefined;
    const { reason, ...result } = JSON.parse(row.result) as StoredResult;
    return { delta: row.delta, reason, result };
  }

  /**
   * Stores the reason in the JSON of the result. A released version inserts into this table without
   * naming columns, so another column would make its inserts fail after a rollback.
   */
  storeAdjustment<R extends RecordedResult>(adjustment: Adjustment, result: R, at_ms: number): R {
    const { operationId, delta, reason } = adjustment;
    this.#sql.exec(
      "INSERT INTO operations (id, delta, result, at) VALUES (?, ?, ?, ?)",
      operationId,
      delta,
      JSON.stringify({ ...result, reason }),
      at_ms,
    );
    return result;
  }

  /** Those of these returns that were applied. */
  appliedOf(ids: readonly string[]): Set<string> {
    if (ids.length === 0) return new Set();
    const rows = this.#sql.exec<{ id: string }>(
      "SELECT id FROM returns WHERE id IN (SELECT value FROM json_each(?))",
      JSON.stringify(ids),
    );
    return new Set([...rows].map(({ id }) => id));
  }

  storeReturn({ returnId, orderId, quantity, restock }: ReturnCommand, at_ms: number): void {
    this.#sql.exec(
      "INSERT INTO returns (id, order_id, quantity, restock, at) VALUES (?, ?, ?, ?, ?)",
      returnId,
      orderId,
      quantity,
      restock ? 1 : 0,
      at_ms,
    );
  }

  /** Deletes up to `limit` returns older than `floor`. Returns whether more may remain. */
  pruneReturns(floor: string, limit: number): boolean {
    const { rowsWritten } = this.#sql.exec(
      "DELETE FROM returns WHERE id IN (SELECT id FROM returns WHERE id < ? ORDER BY id LIMIT ?)",
      floor,
      limit,
    );
    return rowsWritten >= limit;
  }

  /** Deletes up to `limit` adjustments older than `cutoff_ms`. Returns whether more may remain. */
  pruneAdjustments(cutoff_ms: number, limit: number): boolean {
    const { rowsWritten } = this.#sql.exec(
      `DELETE FROM operations WHERE rowid IN
         (SELECT rowid FROM operations WHERE at < ? ORDER BY rowid LIMIT ?)`,
      cutoff_ms,
      limit,
    );
    return rowsWritten >= limit;
  }
}
