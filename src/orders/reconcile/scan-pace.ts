import { SCAN_ROWS } from "../database/table-scan.ts";

/**
 * The pace of a scan over a table without an index by age, which would cost a row written for every
 * order. The rows of a round follow the table's size, so that a full scan takes the same time
 * however large the table is. (Stored data calls a full scan a lap.)
 */

export interface ScanProgress {
  /** Rows of the last full scan; 0: there was none yet. */
  size: number;
  /** Rows that this scan has read so far. */
  met: number;
  /** When this scan began; 0: the next round begins one. */
  began_ms: number;
}

export const NO_PROGRESS: ScanProgress = { size: 0, met: 0, began_ms: 0 };

/** Steps of one part in a round: twice what 1,000 orders a second need. */
export const MAX_STEPS = 60;
/**
 * The time of a full scan. A table that has grown since the last one takes one more round for each
 * 120,000 further rows. A row is deleted at most that much later than its retention says.
 */
export const FULL_SCAN_MS = 2 * 3_600_000;
/** The cron's minute. */
const ROUND_MS = 60_000;

/** Rows that the next round should read. */
export function paceOf({ size, began_ms }: ScanProgress, now_ms: number): number {
  const max = SCAN_ROWS * MAX_STEPS;
  const isLate = began_ms > 0 && now_ms - began_ms >= FULL_SCAN_MS;
  const even = Math.ceil((size * ROUND_MS) / FULL_SCAN_MS);
  return isLate ? max : Math.min(max, Math.max(SCAN_ROWS, even));
}
