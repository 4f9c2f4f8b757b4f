/**
 * Deletes what is old from a table that has no index by age: bounded steps over its primary key,
 * each of which looks at `SCAN_ROWS` rows and deletes those that may go.
 */

/** Rows one step looks at. */
export const SCAN_ROWS = 2_000;

export interface ScanStep {
  /** Pass it to the next step; '' at the end of the table. */
  next: string;
  scanned: number;
  deleted: number;
}

/** One step, over the rows after a key; '' starts over. */
export type TableScan = (after: string) => Promise<ScanStep>;

interface KeyScan {
  /** Answers with `last` and `n` of the next `SCAN_ROWS` rows in the order of their key: after `?1`, before `?2`. */
  seen: D1PreparedStatement;
  /** Deletes those of the same rows that may go. */
  gone: D1PreparedStatement;
  before: string;
}

/** A scan by a primary key of one column. */
export function scanByKey(db: D1Database, { seen, gone, before }: KeyScan): TableScan {
  return async (after) => {
    const [found, deleted] = await db.batch<{ last: string | null; n: number }>([
      seen.bind(after, before),
      gone.bind(after, before),
    ]);
    const row = found?.results[0];
    const next = row?.n === SCAN_ROWS ? (row.last ?? "") : "";
    return { next, scanned: row?.n ?? 0, deleted: deleted?.meta.changes ?? 0 };
  };
}
