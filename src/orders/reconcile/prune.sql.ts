import { orderIdFloor } from "../../contract/order-id.ts";
import { foldMinutes } from "../operations/minutes.sql.ts";
import type { Policy } from "../policy.ts";

/** Housekeeping of D1: bounded steps, once a minute. */

/** Rows one step deletes or looks at, and the steps of one round. */
const STEP = 1_000;
const MAX_STEPS = 20;
/** A feed marks its customer anew each day; an older mark was left by one that died. */
const PRESENCE_MS = 3 * 86_400_000;

/** Where the walks over tables without an index by age go on; '' at the start. */
export interface PruneCursors {
  orders: string;
  presence: string;
}

export async function prune(
  db: D1Database,
  policy: Policy,
  cursors: PruneCursors,
  now_ms: number,
): Promise<PruneCursors> {
  await deleteOld(db, "idempotency_keys", "created_at", now_ms - policy.keyRetention_ms);
  await deleteOld(db, "dead_letters", "at", now_ms - policy.deadLetterRetention_ms);
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
  };
}

/** Deletes what is older than the cutoff by the table's index of age. */
async function deleteOld(
  db: D1Database,
  table: "idempotency_keys" | "dead_letters",
  column: "created_at" | "at",
  cutoff_ms: number,
): Promise<void> {
  const key = table === "dead_letters" ? "id" : "customer_id, key";
  for (let step = 0; step < MAX_STEPS; step++) {
    const { meta } = await db
      .prepare(
        `DELETE FROM ${table} WHERE (${key}) IN
           (SELECT ${key} FROM ${table} WHERE ${column} < ?1 ORDER BY ${column} LIMIT ${STEP})`,
      )
      .bind(cutoff_ms)
      .run();
    if (meta.changes < STEP) return;
  }
}

interface Walk {
  table: "orders" | "presence";
  key: "id" | "customer_id";
  after: string;
  before: string;
  if: string;
}

/** One step of a walk by primary key, deleting on the way; answers where to go on. */
async function walk(db: D1Database, { table, key, after, before, if: condition }: Walk) {
  const step = `SELECT * FROM ${table} WHERE ${key} > ?1 AND ${key} < ?2 ORDER BY ${key} LIMIT ${STEP}`;
  const [seen] = await db.batch<{ last: string | null; n: number }>([
    db.prepare(`SELECT max(${key}) AS last, count(*) AS n FROM (${step})`).bind(after, before),
    db
      .prepare(
        `DELETE FROM ${table} WHERE ${key} IN (SELECT ${key} FROM (${step}) WHERE ${condition})`,
      )
      .bind(after, before),
  ]);
  const row = seen?.results[0];
  return row && row.n === STEP ? (row.last ?? "") : "";
}
