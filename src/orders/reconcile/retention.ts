import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import type { Policy } from "../config/policy.ts";
import { SCAN_ROWS, type TableScan } from "../database/table-scan.ts";
import { deleteOldDeadLetters } from "../dead-letters/dead-letters.sql.ts";
import { deleteOldPresence } from "../feed/presence.sql.ts";
import { deleteOldKeys } from "../order/idempotency-keys.sql.ts";
import { foldMinutes } from "../order/minutes.sql.ts";
import { deleteFinishedOrders } from "../order/orders.sql.ts";
import { type ScanProgress, MAX_STEPS, NO_PROGRESS, paceOf } from "./scan-pace.ts";

/**
 * Housekeeping of D1: bounded steps, once a minute. Two statements a step, in four parts of
 * `MAX_STEPS`: 480 of the 1,000 that D1 takes of one invocation (D1 limits).
 */

/** No step of a part begins later: while D1 is slow, placing orders comes first. */
const PART_MS = 5_000;
const STEP_TIMEOUT_MS = 10_000;
/** A feed marks its customer anew each day; an older mark was left by one that died. */
const PRESENCE_MS = 3 * 86_400_000;

/**
 * Of a step's rows, those deleted that make the next step worth it in the same minute, whatever the
 * lap's pace: after a rush the old rows stand close together.
 */
const WORTH_IT = SCAN_ROWS / 10;

type Walk = "orders" | "presence" | "keys";

/**
 * Where the walks over tables without an index by age go on: '' at the start, else the last row met;
 * of keys a customer and a key as a JSON array. An earlier version keeps `laps` as it finds them.
 */
export type PruneCursors = Record<Walk, string> & { laps: Record<Walk, ScanProgress> };

export const NO_CURSORS: PruneCursors = {
  orders: "",
  presence: "",
  keys: "",
  laps: { orders: NO_PROGRESS, presence: NO_PROGRESS, keys: NO_PROGRESS },
};

/** One round. Never throws: a part that fails is logged, and begins next time where it began now. */
export async function prune(
  db: D1Database,
  policy: Policy,
  cursors: PruneCursors,
  now_ms: number,
): Promise<PruneCursors> {
  const next = { ...cursors, laps: { ...cursors.laps } };
  const goOn = async (walk: Walk, step: TableScan): Promise<void> => {
    const at = { cursor: cursors[walk], lap: cursors.laps[walk] };
    const { cursor, lap } = await walkOn(at, step, now_ms);
    next[walk] = cursor;
    next.laps[walk] = lap;
  };
  const parts: Record<string, () => Promise<void>> = {
    async letters() {
      const start = { cursor: "", lap: NO_PROGRESS };
      await walkOn(start, deleteOldDeadLetters(db, now_ms - policy.deadLetterRetention_ms), now_ms);
    },
    minutes: () => withTimeout(STEP_TIMEOUT_MS, () => foldMinutes(db, now_ms)),
    async orders() {
      const { orderRetention_ms } = policy;
      if (orderRetention_ms === 0) next.orders = "";
      else await goOn("orders", deleteFinishedOrders(db, now_ms - orderRetention_ms));
    },
    presence: () => goOn("presence", deleteOldPresence(db, now_ms - PRESENCE_MS)),
    keys: () => goOn("keys", deleteOldKeys(db, now_ms - policy.keyRetention_ms)),
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

/** Steps as far as the lap's pace asks for, or while they are worth it, and while there is time. */
async function walkOn(
  at: { cursor: string; lap: ScanProgress },
  step: TableScan,
  now_ms: number,
): Promise<{ cursor: string; lap: ScanProgress }> {
  const end_ms = Date.now() + PART_MS;
  const pace = paceOf(at.lap, now_ms);
  let { cursor } = at;
  let met = 0;
  for (let steps = 0; steps < MAX_STEPS && Date.now() < end_ms; steps++) {
    const stepped = await withTimeout(STEP_TIMEOUT_MS, () => step(cursor), "a step");
    cursor = stepped.next;
    met += stepped.scanned;
    if (cursor === "") return { cursor, lap: { ...NO_PROGRESS, size: at.lap.met + met } };
    if (met >= pace && stepped.deleted < WORTH_IT) break;
  }
  const { size, began_ms } = at.lap;
  return { cursor, lap: { size, met: at.lap.met + met, began_ms: began_ms || now_ms } };
}
