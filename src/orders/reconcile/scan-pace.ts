import { SCAN_ROWS } from "../database/table-scan.ts";

/**
 * How fast housekeeping walks over a table that has no index by age (one would cost a row written for
 * every order). The walk goes over the whole table in laps; what is met of a lap in one round follows
 * the table's size, so that a lap ends in time however large the table is.
 */

export interface ScanProgress {
  /** Rows that the last whole lap met; 0: there was none yet. */
  size: number;
  /** Rows that this lap has met so far. */
  met: number;
  /** When this lap began; 0: the next round begins one. */
  began_ms: number;
}

export const NO_PROGRESS: ScanProgress = { size: 0, met: 0, began_ms: 0 };

/** Steps of one part in a round: twice what 1,000 orders a second need. */
export const MAX_STEPS = 60;
/**
 * A lap takes so long, and at most as many rounds more as its table has more rows than at the last
 * lap, by 120,000. So a row goes at most that much later than its retention says.
 */
export const FULL_SCAN_MS = 2 * 3_600_000;
/** The cron's minute. */
const ROUND_MS = 60_000;

/** Rows that the next round should meet. */
export function paceOf({ size, began_ms }: ScanProgress, now_ms: number): number {
  const isLate = began_ms > 0 && now_ms - began_ms >= FULL_SCAN_MS;
  if (isLate) return SCAN_ROWS * MAX_STEPS;
  return Math.min(
    SCAN_ROWS * MAX_STEPS,
    Math.max(SCAN_ROWS, Math.ceil((size * ROUND_MS) / FULL_SCAN_MS)),
  );
}
