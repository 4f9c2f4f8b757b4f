import { errorText, log } from "../../contract/log.ts";
import { orderIdFloor } from "../../contract/order-id.ts";
import { within } from "../../contract/within.ts";
import { foldMinutes } from "../operations/minutes.sql.ts";
import type { Policy } from "../policy.ts";

/** Housekeeping of D1: bounded steps, once a minute. */

/**
 * Rows one step deletes or looks at, and the steps of one part in a round: 1,000 orders a second.
 * Two statements a step, in four parts: 480 of the 1,000 that D1 takes of one invocation (D1 limits).
 */
const STEP = 1_000;
const MAX_STEPS = 60;
/** No step of a part begins later: while D1 is slow, placing orders comes first. */
const PART_MS = 5_000;
const STEP_TIMEOUT_MS = 10_000;
/** A feed marks its customer anew each day; an older mark was left by one that died. */
const PRESENCE_MS = 3 * 86_400_000;

/**
 * Of a step's rows, those deleted that make the next step worth it in the same minute: so the pace
 * follows that of the orders, and a quiet shop reads little.
 */
const WORTH_IT = STEP / 10;

/** Where the walks over tables without an index by age go on; '' at the start. */
export interface PruneCursors {
  orders: string;
  presence: string;
  /** A customer and a key, as a JSON array. */
  keys: string;
}

/** One round. Never throws: a part that fails is logged, and begins next time where it began now. */
export async function prune(
  db: D1Database,
  policy: Policy,
  cursors: PruneCursors,
  now_ms: number,
): Promise<PruneCursors> {
  const next = { ...cursors };
  const parts: Record<string, () => Promise<void>> = {
    async letters() {
      await walk("", oldLetters(db, now_ms - policy.deadLetterRetention_ms));
    },
    minutes: () => within(STEP_TIMEOUT_MS, () => foldMinutes(db, now_ms)),
    async orders() {
      const { orderRetention_ms } = policy;
      const finished = finishedOrders(db, now_ms - orderRetention_ms);
      next.orders = orderRetention_ms === 0 ? "" : await walk(cursors.orders, finished);
    },
    async presence() {
      next.presence = await walk(cursors.presence, oldPresence(db, now_ms - PRESENCE_MS));
    },
    async keys() {
      next.keys = await walk(cursors.keys, oldKeys(db, now_ms - policy.keyRetention_ms));
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

/** One bounded step: where the next one begins, '' when there is none, and how many rows it deleted. */
type Step = (after: string) => Promise<{ next: string; deleted: number }>;

/** Steps while they are worth it and there is time; answers where to go on. */
async function walk(after: string, step: Step): Promise<string> {
  const end_ms = Date.now() + PART_MS;
  let cursor = after;
  for (let steps = 0; steps < MAX_STEPS && Date.now() < end_ms; steps++) {
    const { next, deleted } = await within(STEP_TIMEOUT_MS, () => step(cursor), "a step");
    cursor = next;
    if (next === "" || deleted < WORTH_IT) break;
  }
  return cursor;
}

/** By the index over their age, so it always begins anew. */
const oldLetters =
  (db: D1Database, cutoff_ms: number): Step =>
  async () => {
    const { meta } = await db
      .prepare(
        `DELETE FROM dead_letters WHERE id IN
           (SELECT id FROM dead_letters WHERE at < ?1 ORDER BY at LIMIT ${STEP})`,
      )
      .bind(cutoff_ms)
      .run();
    return { next: meta.changes < STEP ? "" : "more", deleted: meta.changes };
  };

const finishedOrders = (db: D1Database, cutoff_ms: number): Step =>
  byPrimaryKey(db, {
    table: "orders",
    key: "id",
    before: orderIdFloor(cutoff_ms),
    if: "status IN ('paid', 'cancelled') AND awaits IS NULL",
  });

const oldPresence = (db: D1Database, cutoff_ms: number): Step =>
  byPrimaryKey(db, {
    table: "presence",
    key: "customer_id",
    before: "\u{10FFFF}",
    if: `since < ${cutoff_ms}`,
  });

interface Walked {
  table: "orders" | "presence";
  key: "id" | "customer_id";
  before: string;
  if: string;
}

function byPrimaryKey(db: D1Database, { table, key, before, if: condition }: Walked): Step {
  const rows = `SELECT * FROM ${table} WHERE ${key} > ?1 AND ${key} < ?2 ORDER BY ${key} LIMIT ${STEP}`;
  const seen = db.prepare(`SELECT max(${key}) AS last, count(*) AS n FROM (${rows})`);
  const gone = db.prepare(
    `DELETE FROM ${table} WHERE ${key} IN (SELECT ${key} FROM (${rows}) WHERE ${condition})`,
  );
  return async (after) => {
    const [found, deleted] = await db.batch<{ last: string | null; n: number }>([
      seen.bind(after, before),
      gone.bind(after, before),
    ]);
    const row = found?.results[0];
    const next = row?.n === STEP ? (row.last ?? "") : "";
    return { next, deleted: deleted?.meta.changes ?? 0 };
  };
}

/** Before every key: no customer has an empty name. */
const NO_KEY = JSON.stringify(["", ""]);
const KEYS_AFTER = `FROM idempotency_keys
  WHERE (customer_id, key) > (?1->>0, ?1->>1) ORDER BY customer_id, key`;

/** By a primary key of two columns. */
function oldKeys(db: D1Database, cutoff_ms: number): Step {
  const last = db.prepare(
    `SELECT json_array(customer_id, key) AS last ${KEYS_AFTER} LIMIT 1 OFFSET ${STEP - 1}`,
  );
  const gone = db.prepare(
    `DELETE FROM idempotency_keys WHERE created_at < ?2 AND (customer_id, key) IN
       (SELECT customer_id, key ${KEYS_AFTER} LIMIT ${STEP})`,
  );
  return async (after) => {
    const [found, deleted] = await db.batch<{ last: string }>([
      last.bind(after || NO_KEY),
      gone.bind(after || NO_KEY, cutoff_ms),
    ]);
    return { next: found?.results[0]?.last ?? "", deleted: deleted?.meta.changes ?? 0 };
  };
}
