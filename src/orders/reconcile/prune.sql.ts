import { errorText, log } from "../../contract/log.ts";
import { orderIdFloor } from "../../contract/order-id.ts";
import { within } from "../../contract/within.ts";
import { foldMinutes } from "../operations/minutes.sql.ts";
import type { Policy } from "../policy.ts";
import { type Lap, MAX_STEPS, NO_LAP, paceOf, STEP } from "./lap.ts";

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
const WORTH_IT = STEP / 10;

type Walk = "orders" | "presence" | "keys";

/**
 * Where the walks over tables without an index by age go on: '' at the start, else the last row met;
 * of keys a customer and a key as a JSON array. An earlier version keeps `laps` as it finds them.
 */
export type PruneCursors = Record<Walk, string> & { laps: Record<Walk, Lap> };

export const NO_CURSORS: PruneCursors = {
  orders: "",
  presence: "",
  keys: "",
  laps: { orders: NO_LAP, presence: NO_LAP, keys: NO_LAP },
};

/** One round. Never throws: a part that fails is logged, and begins next time where it began now. */
export async function prune(
  db: D1Database,
  policy: Policy,
  cursors: PruneCursors,
  now_ms: number,
): Promise<PruneCursors> {
  const next = { ...cursors, laps: { ...cursors.laps } };
  const goOn = async (walk: Walk, step: Step): Promise<void> => {
    const at = { cursor: cursors[walk], lap: cursors.laps[walk] };
    const { cursor, lap } = await walkOn(at, step, now_ms);
    next[walk] = cursor;
    next.laps[walk] = lap;
  };
  const parts: Record<string, () => Promise<void>> = {
    async letters() {
      const start = { cursor: "", lap: NO_LAP };
      await walkOn(start, oldLetters(db, now_ms - policy.deadLetterRetention_ms), now_ms);
    },
    minutes: () => within(STEP_TIMEOUT_MS, () => foldMinutes(db, now_ms)),
    async orders() {
      const { orderRetention_ms } = policy;
      if (orderRetention_ms === 0) next.orders = "";
      else await goOn("orders", finishedOrders(db, now_ms - orderRetention_ms));
    },
    presence: () => goOn("presence", oldPresence(db, now_ms - PRESENCE_MS)),
    keys: () => goOn("keys", oldKeys(db, now_ms - policy.keyRetention_ms)),
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

interface Stepped {
  /** Where the next step begins, '' at the end of the table. */
  next: string;
  met: number;
  deleted: number;
}
/** One bounded step. */
type Step = (after: string) => Promise<Stepped>;

/** Steps as far as the lap's pace asks for, or while they are worth it, and while there is time. */
async function walkOn(
  at: { cursor: string; lap: Lap },
  step: Step,
  now_ms: number,
): Promise<{ cursor: string; lap: Lap }> {
  const end_ms = Date.now() + PART_MS;
  const pace = paceOf(at.lap, now_ms);
  let { cursor } = at;
  let met = 0;
  for (let steps = 0; steps < MAX_STEPS && Date.now() < end_ms; steps++) {
    const stepped = await within(STEP_TIMEOUT_MS, () => step(cursor), "a step");
    cursor = stepped.next;
    met += stepped.met;
    if (cursor === "") return { cursor, lap: { ...NO_LAP, size: at.lap.met + met } };
    if (met >= pace && stepped.deleted < WORTH_IT) break;
  }
  const { size, began_ms } = at.lap;
  return { cursor, lap: { size, met: at.lap.met + met, began_ms: began_ms || now_ms } };
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
    const { changes } = meta;
    return { next: changes < STEP ? "" : "more", met: changes, deleted: changes };
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
    return { next, met: row?.n ?? 0, deleted: deleted?.meta.changes ?? 0 };
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
    const next = found?.results[0]?.last ?? "";
    // How many the last step meets is not counted: too few to change the pace.
    return { next, met: next === "" ? 0 : STEP, deleted: deleted?.meta.changes ?? 0 };
  };
}
