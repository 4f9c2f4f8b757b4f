/**
 * Deletes old rows from a table without an index by age. A scan walks the primary key in bounded
 * steps: each step reads `SCAN_ROWS` rows and deletes the old ones among them.
 */

/** Rows that one step reads. */
export const SCAN_ROWS = 2_000;

export interface ScanStep {
  /** The `after` of the next step; '' at the end of the table. */
  next: string;
  scanned: number;
  deleted: number;
}

/** One step over the rows after a key. '' starts at the beginning. */
export type TableScan = (after: string) => Promise<ScanStep>;

interface KeyScan {
  /** Selects `last` and `n` of the next `SCAN_ROWS` rows by key, after `?1` and before `?2`. */
  seen: D1PreparedStatement;
  /** Deletes the old ones among the same rows. */
  gone: D1PreparedStatement;
  before: string;
  /** `?3` of `gone`, if it has one. */
  cutoff_ms?: number;
}

/** A scan over a primary key of one column. */
export function scanByKey(db: D1Database, { seen, gone, before, cutoff_ms }: KeyScan): TableScan {
  const cutoff = cutoff_ms === undefined ? [] : [cutoff_ms];
  return async (after) => {
    const [found, deleted] = await db.batch<{ last: string | null; n: number }>([
      seen.bind(after, before),
      gone.bind(after, before, ...cutoff),
    ]);
    const row = found?.results[0];
    const next = row?.n === SCAN_ROWS ? (row.last ?? "") : "";
    return { next, scanned: row?.n ?? 0, deleted: deleted?.meta.changes ?? 0 };
  };
}
