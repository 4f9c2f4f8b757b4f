import { orderIdFloor } from "../../contract/order-id.ts";
import { foldMinutes } from "../operations/minutes.sql.ts";
import type { Policy } from "../policy.ts";

/** Housekeeping of D1: bounded steps, once a minute. */

/**
 * Rows one step deletes or looks at, and the steps of one round: 1,000 orders a second. Two
 * statements a step, of the 1,000 that D1 takes of one invocation (D1 limits).
 */
const STEP = 1_000;
const MAX_STEPS = 60;
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

export async function prune(
  db: D1Database,
  policy: Policy,
  cursors: PruneCursors,
  now_ms: number,
): Promise<PruneCursors> {
  await deleteOldLetters(db, now_ms - policy.deadLetterRetention_ms);
  await foldMinutes(db, now_ms);
  const { orderRetention_ms } = policy;
  return {
    orders:
      orderRetention_ms === 0
        ? ""
        : await walk(db, {
            table: "orders",
            key: "id",
            after: cursors.orders,
            before: orderIdFloor(now_ms - orderRetention_ms),
            if: "status IN ('paid', 'cancelled') AND awaits IS NULL",
          }),
    presence: await walk(db, {
      table: "presence",
      key: "customer_id",
      after: cursors.presence,
      before: "\u{10FFFF}",
      if: `since < ${now_ms - PRESENCE_MS}`,
    }),
    keys: await walkKeys(db, cursors.keys, now_ms - policy.keyRetention_ms),
  };
}

async function deleteOldLetters(db: D1Database, cutoff_ms: number): Promise<void> {
  for (let step = 0; step < MAX_STEPS; step++) {
    const { meta } = await db
      .prepare(
        `DELETE FROM dead_letters WHERE id IN
           (SELECT id FROM dead_letters WHERE at < ?1 ORDER BY at LIMIT ${STEP})`,
      )
      .bind(cutoff_ms)
      .run();
    if (meta.changes < STEP) return;
  }
}

const KEYS_AFTER = `FROM idempotency_keys
  WHERE (customer_id, key) > (?1->>0, ?1->>1) ORDER BY customer_id, key`;

/** Like `walk`, by a primary key of two columns. */
async function walkKeys(db: D1Database, after: string, cutoff_ms: number): Promise<string> {
  let cursor = after;
  for (let step = 0; step < MAX_STEPS; step++) {
    const [last, deleted] = await db.batch<{ last: string }>([
      db
        .prepare(
          `SELECT json_array(customer_id, key) AS last ${KEYS_AFTER} LIMIT 1 OFFSET ${STEP - 1}`,
        )
        .bind(cursor || NO_KEY),
      db
        .prepare(
          `DELETE FROM idempotency_keys WHERE created_at < ?2 AND (customer_id, key) IN
             (SELECT customer_id, key ${KEYS_AFTER} LIMIT ${STEP})`,
        )
        .bind(cursor || NO_KEY, cutoff_ms),
    ]);
    cursor = last?.results[0]?.last ?? "";
    if (cursor === "" || (deleted?.meta.changes ?? 0) < WORTH_IT) break;
  }
  return cursor;
}
/** Before every key: no customer has an empty name. */
const NO_KEY = JSON.stringify(["", ""]);

interface Walk {
  table: "orders" | "presence";
  key: "id" | "customer_id";
  after: string;
  before: string;
  if: string;
}

/** Steps of a walk by primary key, deleting on the way; answers where to go on. */
async function walk(db: D1Database, { table, key, after, before, if: condition }: Walk) {
  const step = `SELECT * FROM ${table} WHERE ${key} > ?1 AND ${key} < ?2 ORDER BY ${key} LIMIT ${STEP}`;
  let cursor = after;
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    const [seen, deleted] = await db.batch<{ last: string | null; n: number }>([
      db.prepare(`SELECT max(${key}) AS last, count(*) AS n FROM (${step})`).bind(cursor, before),
      db
        .prepare(
          `DELETE FROM ${table} WHERE ${key} IN (SELECT ${key} FROM (${step}) WHERE ${condition})`,
        )
        .bind(cursor, before),
    ]);
    const row = seen?.results[0];
    cursor = row?.n === STEP ? (row.last ?? "") : "";
    if (cursor === "" || (deleted?.meta.changes ?? 0) < WORTH_IT) break;
  }
  return cursor;
}
