import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import type { Policy } from "../config/policy.ts";
import { SCAN_ROWS, type TableScan } from "../database/table-scan.ts";
import { deleteOldDeadLetters } from "../dead-letters/dead-letters.sql.ts";
import { deleteOldPresence } from "../feed/presence.sql.ts";
import { deleteOldChanges } from "../order/changes.sql.ts";
import { deleteOldKeys } from "../order/idempotency-keys.sql.ts";
import { foldMinutes } from "../order/minutes.sql.ts";
import { deleteFinishedOrders } from "../order/orders.sql.ts";
import { deleteOldPayments } from "../order/payments.sql.ts";
import { deleteOrphanedReturns } from "../order/returns.sql.ts";
import { type ScanProgress, MAX_STEPS, NO_PROGRESS, paceOf } from "./scan-pace.ts";

/**
 * Housekeeping of D1, once a minute in bounded steps. A step makes two statements, and six of the
 * parts make up to `MAX_STEPS` of them, a seventh with one: 780 of the 1,000 statements of an
 * invocation (D1 limits).
 */

/** No step of a part starts after this time: while D1 is slow, placing orders comes first. */
const PART_MS = 5_000;
const STEP_TIMEOUT_MS = 10_000;
/** A feed renews its customer's presence mark daily, so the feed of an older mark has died. */
const PRESENCE_MS = 3 * 86_400_000;

/**
 * A payment is kept for longer than its order: a notice that is repeated after its payment was deleted
 * would be recorded as money for an unknown order. Stripe repeats for three days, and by hand for 30.
 */
const LATE_NOTICES_MS = 35 * 86_400_000;

/**
 * A step that deletes this many of its rows is followed by another in the same round, whatever the
 * pace of the scan: after a rush the old rows lie close together.
 */
const DENSE_STEP = SCAN_ROWS / 10;

/** How long a reader of the changes may be away. */
const CHANGES_MS = 30 * 86_400_000;

type Table = "orders" | "presence" | "keys" | "payments" | "returns";

/**
 * The positions of the scans over tables without an index by age: '' at the start, else the last row
 * read (for keys a JSON array of customer and key). An earlier version leaves `laps` as they are.
 */
export type PruneCursors = Record<Table, string> & { laps: Record<Table, ScanProgress> };

export const NO_CURSORS: PruneCursors = {
  orders: "",
  presence: "",
  keys: "",
  payments: "",
  returns: "",
  laps: {
    orders: NO_PROGRESS,
    presence: NO_PROGRESS,
    keys: NO_PROGRESS,
    payments: NO_PROGRESS,
    returns: NO_PROGRESS,
  },
};

/** The stored cursors. An earlier version stored none for the tables that it did not know. */
export const cursorsFrom = (stored: Partial<PruneCursors> | undefined): PruneCursors => ({
  ...NO_CURSORS,
  ...stored,
  laps: { ...NO_CURSORS.laps, ...stored?.laps },
});

/** One round. Never throws: a failed part is logged, and starts at the same row in the next round. */
export async function prune(
  db: D1Database,
  policy: Policy,
  cursors: PruneCursors,
  now_ms: number,
): Promise<PruneCursors> {
  const next = { ...cursors, laps: { ...cursors.laps } };
  const scan = async (table: Table, step: TableScan): Promise<void> => {
    const start = { cursor: cursors[table], progress: cursors.laps[table] };
    const { cursor, progress } = await continueScan(start, step, now_ms);
    next[table] = cursor;
    next.laps[table] = progress;
  };
  const parts: Record<string, () => Promise<void>> = {
    async letters() {
      const step = deleteOldDeadLetters(db, now_ms - policy.deadLetterRetention_ms);
      await continueScan({ cursor: "", progress: NO_PROGRESS }, step, now_ms);
    },
    changes: () => deleteInSteps(() => deleteOldChanges(db, now_ms - CHANGES_MS, now_ms)),
    minutes: () => withTimeout(STEP_TIMEOUT_MS, () => foldMinutes(db, now_ms)),
    async orders() {
      const { orderRetention_ms } = policy;
      if (orderRetention_ms === 0) next.orders = "";
      else await scan("orders", deleteFinishedOrders(db, now_ms - orderRetention_ms));
    },
    presence: () => scan("presence", deleteOldPresence(db, now_ms - PRESENCE_MS)),
    keys: () => scan("keys", deleteOldKeys(db, now_ms - policy.keyRetention_ms)),
    async payments() {
      const { orderRetention_ms } = policy;
      const age_ms = orderRetention_ms + LATE_NOTICES_MS;
      if (orderRetention_ms === 0) next.payments = "";
      else await scan("payments", deleteOldPayments(db, now_ms - age_ms));
    },
    async returns() {
      if (policy.orderRetention_ms === 0) next.returns = "";
      else await scan("returns", deleteOrphanedReturns(db));
    },
  };
  for (const [part, run] of Object.entries(parts)) {
    try {
      await run();
    } catch (error) {
      log("error", "prune.failed", { part, error: errorText(error) });
    }
  }
  return next;
}

/** Deletes until nothing old is left, or until time is up. */
async function deleteInSteps(step: () => Promise<boolean>): Promise<void> {
  const end_ms = Date.now() + PART_MS;
  for (let steps = 0; steps < MAX_STEPS && Date.now() < end_ms; steps++) {
    if (!(await withTimeout(STEP_TIMEOUT_MS, step, "a step"))) return;
  }
}

interface ScanPosition {
  cursor: string;
  progress: ScanProgress;
}

/** Makes steps until the scan has reached its pace and finds few old rows, or until time is up. */
async function continueScan(
  { cursor: start, progress: { size, met, began_ms } }: ScanPosition,
  step: TableScan,
  now_ms: number,
): Promise<ScanPosition> {
  const end_ms = Date.now() + PART_MS;
  const pace = paceOf({ size, met, began_ms }, now_ms);
  let cursor = start;
  let scanned = 0;
  for (let steps = 0; steps < MAX_STEPS && Date.now() < end_ms; steps++) {
    const result = await withTimeout(STEP_TIMEOUT_MS, () => step(cursor), "a step");
    cursor = result.next;
    scanned += result.scanned;
    if (cursor === "") return { cursor, progress: { ...NO_PROGRESS, size: met + scanned } };
    if (scanned >= pace && result.deleted < DENSE_STEP) break;
  }
  return { cursor, progress: { size, met: met + scanned, began_ms: began_ms || now_ms } };
}
