import { describe, expect, test } from "vitest";
import { SCAN_ROWS } from "../../src/orders/database/table-scan.ts";
import {
  type ScanProgress,
  FULL_SCAN_MS,
  MAX_STEPS,
  NO_PROGRESS,
  paceOf,
} from "../../src/orders/reconcile/scan-pace.ts";

const MINUTE_MS = 60_000;
const ROUNDS = FULL_SCAN_MS / MINUTE_MS;
const MOST = SCAN_ROWS * MAX_STEPS;

/** Rounds of one lap over so many rows, one a minute. */
function roundsOf(rows: number, size: number): number {
  let lap: ScanProgress = { ...NO_PROGRESS, size };
  for (let rounds = 1; ; rounds++) {
    const now_ms = 1_000_000 + rounds * MINUTE_MS;
    const met = lap.met + paceOf(lap, now_ms);
    if (met >= rows) return rounds;
    lap = { size, met, began_ms: lap.began_ms || now_ms };
  }
}

describe("a lap of housekeeping", () => {
  test.each([0, 1_000, 100_000, 1_000_000, 10_000_000, ROUNDS * MOST])(
    "over %i rows ends in two hours, when the last one was as large",
    (rows) => expect(roundsOf(rows, rows)).toBeLessThanOrEqual(ROUNDS),
  );

  test.each([
    ["a table whose size is not known yet", 10_000_000, 0],
    ["a table that has grown tenfold", 10_000_000, 1_000_000],
  ])("over %s ends a round later for each 120,000 rows more", (_, rows, size) => {
    expect(roundsOf(rows, size)).toBeLessThanOrEqual(ROUNDS + 1 + (rows - size) / MOST);
  });

  test("meets one step a round where the table is small", () => {
    expect(paceOf({ ...NO_PROGRESS, size: 5 }, 0)).toBe(SCAN_ROWS);
  });

  test("a round can take away twice what 1,000 orders a second bring", () => {
    expect(MOST).toBeGreaterThanOrEqual(2 * 60 * 1_000);
  });
});
