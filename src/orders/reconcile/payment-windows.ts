import { errorText, log } from "../../runtime/log.ts";
import type { Policy } from "../config/policy.ts";
import { openPaymentWindows } from "../order/orders.sql.ts";

/**
 * Gives a payment window to confirmed orders that have none, because they were confirmed while
 * `PAYMENT_WINDOW_SECONDS` was 0. No index finds them (it would cost a row an order), so a walk over
 * `orders` by their ids does, and again each day for those that an older version confirmed meanwhile.
 */

/** Rows one step looks at, and the steps of a round. */
const STEP = 1_000;
const MAX_STEPS = 20;
/** No step begins later: while D1 is slow, placing orders comes first. */
const ROUND_MS = 5_000;
const DAY_MS = 86_400_000;

/** Where the walk goes on: after this id, and not before this time. */
export interface WindowScan {
  after: string;
  from_ms: number;
}

export const SCAN_START: WindowScan = { after: "", from_ms: 0 };

/**
 * One round of the walk. An order that gets a window is told so by a revision of its own. Never
 * throws: a round that fails is logged, and the next one begins where it began.
 */
export async function scanPaymentWindows(
  db: D1Database,
  { paymentWindow_ms }: Pick<Policy, "paymentWindow_ms">,
  walk: WindowScan,
  now_ms: number,
): Promise<WindowScan> {
  // Off: a walk begins anew as soon as it is turned on.
  if (paymentWindow_ms === 0) return SCAN_START;
  if (now_ms < walk.from_ms) return walk;
  const end_ms = Date.now() + ROUND_MS;
  let after = walk.after;
  try {
    for (let steps = 0; steps < MAX_STEPS && Date.now() < end_ms; steps++) {
      const last = await step(db, after, now_ms, now_ms + paymentWindow_ms);
      if (last === null) return { after: "", from_ms: now_ms + DAY_MS };
      after = last;
    }
  } catch (error) {
    log("error", "payment_windows.failed", { error: errorText(error) });
  }
  return { after, from_ms: 0 };
}

/** Answers with the last id it looked at, or null at the end of the table. */
async function step(
  db: D1Database,
  after: string,
  now_ms: number,
  payBy_ms: number,
): Promise<string | null> {
  const rows = `SELECT id FROM orders WHERE id > ?1 ORDER BY id LIMIT ${STEP}`;
  const [seen, opened] = await db.batch<{ last: string | null; n: number }>([
    db.prepare(`SELECT max(id) AS last, count(*) AS n FROM (${rows})`).bind(after),
    openPaymentWindows(db, { after, limit: STEP, payBy_ms, now_ms }),
  ]);
  const changes = opened?.meta.changes ?? 0;
  if (changes > 0) log("info", "payment_windows.opened", { orders: changes });
  const row = seen?.results[0];
  return row?.n === STEP ? row.last : null;
}
