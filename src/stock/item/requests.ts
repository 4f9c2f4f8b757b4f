import type { AdjustResult, StockChange } from "../../contract/stock-api.ts";
import type { ReturnCommand } from "./rules.ts";

/** The result of an adjustment that is recorded under its operation id. */
type RecordedResult = Exclude<AdjustResult, { code: "operation_reused" }>;
type StoredResult = RecordedResult & {
  reason?: string;
  count?: StoredChange["count"];
  by?: string;
};

export interface StoredChange {
  /** Of an adjustment, as it was asked for; of a count, what it came to. */
  delta: number;
  /** Of a count. */
  count: { unsold: number; expected: number } | undefined;
  /** Undefined if an earlier version, which did not store reasons, wrote the row. */
  reason: string | undefined;
  /** The `sub` of its caller. Undefined: an earlier version stored none, or the caller named none. */
  by: string | undefined;
  result: RecordedResult;
}

/**
 * Whether a change is the one that was stored. What a count expects is a condition and not part of it:
 * a repeat cannot know what it expected before a crash, and gets the first answer all the same.
 */
export function isSameChange({ delta, count, reason }: StoredChange, change: StockChange): boolean {
  if (reason !== undefined && reason !== change.reason) return false;
  if ("delta" in change) return count === undefined && delta === change.delta;
  return count?.unsold === change.unsold;
}

/** The tables `operations` and `returns`: what was done already, so that a repeat changes nothing. */
export class Requests {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  change(id: string): StoredChange | undefined {
    const [row] = this.#sql.exec<{ delta: number; result: string }>(
      "SELECT delta, result FROM operations WHERE id = ?",
      id,
    );
    if (!row) return undefined;
    const { reason, count, by, ...result } = JSON.parse(row.result) as StoredResult;
    return { delta: row.delta, count, reason, by, result };
  }

  /**
   * Stores reason, count and caller in the JSON of the result. A released version inserts into this table without
   * naming columns, so another column would make its inserts fail after a rollback.
   */
  storeChange<R extends RecordedResult>(
    change: StockChange,
    { id, delta, result }: { id: string; delta: number; result: R },
    at_ms: number,
  ): R {
    const { reason, actor } = change;
    const count =
      "unsold" in change ? { unsold: change.unsold, expected: change.expected } : undefined;
    this.#sql.exec(
      "INSERT INTO operations (id, delta, result, at) VALUES (?, ?, ?, ?)",
      id,
      delta,
      JSON.stringify({ ...result, reason, count, by: actor?.sub }),
      at_ms,
    );
    return result;
  }

  /** Those of these names of returns, by id and by request, that were applied. */
  appliedOf(names: readonly string[]): Set<string> {
    if (names.length === 0) return new Set();
    const rows = this.#sql.exec<{ name: string }>(
      `SELECT id AS name FROM returns WHERE id IN (SELECT value FROM json_each(?1))
       UNION ALL
       SELECT request_hash FROM returns WHERE request_hash IN (SELECT value FROM json_each(?1))`,
      JSON.stringify(names),
    );
    return new Set([...rows].map(({ name }) => name));
  }

  storeReturn(command: ReturnCommand, at_ms: number): void {
    const { returnId, orderId, quantity, restock, requestHash = null } = command;
    this.#sql.exec(
      `INSERT INTO returns (id, order_id, quantity, restock, at, request_hash)
       VALUES (?, ?, ?, ?, ?, ?)`,
      returnId,
      orderId,
      quantity,
      restock ? 1 : 0,
      at_ms,
      requestHash,
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
