import { errorText, log } from "../../runtime/log.ts";
import type { Policy } from "../config/policy.ts";
import { listChanges } from "../order/changes.sql.ts";
import { openPaymentWindows } from "../order/orders.sql.ts";
import { HAS_NO_WINDOW } from "../order/payment-window.sql.ts";

/**
 * Opens payment windows for orders that were confirmed while `PAYMENT_WINDOW_SECONDS` was 0. An index
 * to find them would cost a row per order, so a scan of `orders` by id finds them. The scan repeats
 * daily, because an older version may have confirmed orders in the meantime.
 */

/** Rows in one step, and steps in one round. */
const STEP = 1_000;
const MAX_STEPS = 20;
/** No step starts after this time: while D1 is slow, placing orders comes first. */
const ROUND_MS = 5_000;
const DAY_MS = 86_400_000;

/** The position of the scan: it continues after this id, and not before this time. */
export interface WindowScan {
  after: string;
  from_ms: number;
}

type WindowPolicy = Pick<Policy, "paymentWindow_ms" | "isListing">;

export const SCAN_START: WindowScan = { after: "", from_ms: 0 };

/**
 * One round of the scan. A payment window is a revision, so that the customer learns of it. Never
 * throws: a failure is logged, and the next round continues after the last step that succeeded.
 */
export async function scanPaymentWindows(
  db: D1Database,
  policy: WindowPolicy,
  scan: WindowScan,
  now_ms: number,
): Promise<WindowScan> {
  // While the window is off, the position is reset: turning it on starts a new scan.
  if (policy.paymentWindow_ms === 0) return SCAN_START;
  // One that a clock which ran ahead has set far away does not count.
  if (now_ms < scan.from_ms && scan.from_ms <= now_ms + DAY_MS) return scan;
  const end_ms = Date.now() + ROUND_MS;
  let after = scan.after;
  try {
    for (let steps = 0; steps < MAX_STEPS && Date.now() < end_ms; steps++) {
      const last = await step(db, policy, after, now_ms);
      if (last === null) return { after: "", from_ms: now_ms + DAY_MS };
      after = last;
    }
  } catch (error) {
    log("error", "payment_windows.failed", { error: errorText(error) });
  }
  return { after, from_ms: 0 };
}

/** Returns the last id that it read, or null at the end of the table. */
async function step(
  db: D1Database,
  policy: WindowPolicy,
  after: string,
  now_ms: number,
): Promise<string | null> {
  const rows = `SELECT * FROM orders WHERE id > ?1 ORDER BY id LIMIT ${STEP}`;
  const [seen, found] = await db.batch<{ id: string; n: number }>([
    db.prepare(`SELECT max(id) AS id, count(*) AS n FROM (${rows})`).bind(after),
    db.prepare(`SELECT id FROM (${rows}) WHERE ${HAS_NO_WINDOW}`).bind(after),
  ]);
  const ids = (found?.results ?? []).map(({ id }) => id);
  if (ids.length > 0) {
    const payBy_ms = now_ms + policy.paymentWindow_ms;
    const [opened] = await db.batch([
      openPaymentWindows(db, ids, { payBy_ms, now_ms }),
      ...listChanges(db, policy, { orders: ids }, now_ms),
    ]);
    log("info", "payment_windows.opened", { orders: opened?.meta.changes ?? 0 });
  }
  const row = seen?.results[0];
  return row?.n === STEP ? row.id : null;
}
