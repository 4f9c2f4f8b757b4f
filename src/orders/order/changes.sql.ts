import type { Policy } from "../config/policy.ts";

/**
 * The table `changes`: every step of an order or a payment, and every item that sold out or came
 * back, in the order of commits. A transaction that changes any of these writes one row. Its
 * statements mark what they really change with the id of that row, and its last statement lists what
 * is marked. So a repeat that changes nothing lists nothing, and no step is listed twice.
 */

/**
 * The id of the row that lists the changes of this transaction. D1 runs one transaction at a time, so
 * the id is the same in each of its statements.
 */
export const NEXT_CHANGE = "(SELECT coalesce(max(changes.id), 0) + 1 FROM changes)";

/** Marks an order of which the UPDATE raises the revision. An order may make two steps at once. */
export const MARK_ORDER = `changed_from = iif(changed_in IS ${NEXT_CHANGE}, changed_from, revision),
  changed_in = ${NEXT_CHANGE}`;

const STEPS_OF_ORDERS = `SELECT json_array('order.' || CASE
      WHEN h.value->>'step' = 'window_opened' THEN 'extended'
      WHEN h.value->>'step' IS NOT NULL THEN h.value->>'step'
      WHEN h.value->>'revision' = 1 THEN 'placed'
      ELSE h.value->>'status' END, o.id, h.value->>'revision') AS entry
  FROM json_each(?1) AS e JOIN orders AS o ON o.id = e.value, json_each(o.history) AS h
  WHERE o.changed_in = ${NEXT_CHANGE} AND h.value->>'revision' > o.changed_from
    AND h.value->>'step' IS NOT 'recovered'`;

const STATES_OF_PAYMENTS = `SELECT json_array('payment.' || state, id) FROM payments
  WHERE changed_in = ${NEXT_CHANGE} AND id IN (
    SELECT id FROM payments WHERE order_id IN (SELECT value FROM json_each(?2))
    UNION SELECT id FROM payments WHERE successor_id IN (SELECT value FROM json_each(?2))
    UNION SELECT id FROM payments WHERE reference IN (SELECT value FROM json_each(?3)))`;

const LEVELS_OF_ITEMS = `SELECT json_array(
    iif(available > 0, 'item.back_in_stock', 'item.sold_out'), sku) FROM items
  WHERE changed_in = ${NEXT_CHANGE} AND sku IN (SELECT value FROM json_each(?4))`;

/** Enough that no two epochs of a shop are equal by chance. */
const EPOCH_CHARS = 12;

/** What a transaction may have changed. */
export interface Touched {
  /** Ids of orders. */
  orders?: readonly string[];
  /** Orders, by id, of which a payment may have changed. */
  paid?: readonly string[];
  /** References of payments. */
  references?: readonly string[];
  skus?: readonly string[];
}

/** Lists what a transaction has changed, as its last statement. None while `CHANGES` is off. */
export function listChanges(
  db: D1Database,
  { isListing }: Pick<Policy, "isListing">,
  { orders = [], paid = [], references = [], skus = [] }: Touched,
  now_ms: number,
): D1PreparedStatement[] {
  const lists = [orders, paid, references, skus];
  if (!isListing || lists.every(({ length }) => length === 0)) return [];
  return [
    db
      .prepare(
        `INSERT INTO changes (at, entries) SELECT ?5, json_group_array(json(entry)) FROM (
           ${STEPS_OF_ORDERS} UNION ALL ${STATES_OF_PAYMENTS} UNION ALL ${LEVELS_OF_ITEMS})
         HAVING count(*) > 0`,
      )
      .bind(...lists.map((ids) => JSON.stringify(ids)), now_ms),
  ];
}

/** Makes the epoch to which all cursors belong, unless there is one. */
export async function startEpoch(db: D1Database): Promise<void> {
  await db
    .prepare("INSERT INTO change_epoch (id, epoch) VALUES (1, ?) ON CONFLICT DO NOTHING")
    .bind(newEpoch())
    .run();
}

export const newEpoch = (): string => crypto.randomUUID().replaceAll("-", "").slice(0, EPOCH_CHARS);

/** Ends all cursors: the database was put back, and its changes go on in another past. */
export const restartEpoch = (db: D1Database, epoch: string): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO change_epoch (id, epoch) VALUES (1, ?)
       ON CONFLICT (id) DO UPDATE SET epoch = excluded.epoch`,
    )
    .bind(epoch);

/** The id of the newest row; 0: there is none. */
export async function newestChange(db: D1Database): Promise<number> {
  const row = await db
    .prepare("SELECT coalesce(max(id), 0) AS id FROM changes")
    .first<{ id: number }>();
  return row?.id ?? 0;
}

/** Rows that one step of housekeeping deletes. */
const DELETE_STEP = 500;

/**
 * Deletes the oldest rows that were written before a time, never the newest: its id says where the
 * next one goes on. Returns whether more are left.
 *
 * What is left begins at one id and has no gap: a reader whose next row is gone is told by the oldest
 * id. `at` is a caller's clock before the commit, so it does not rise with the id. The first row that
 * is not old therefore ends the deletion, also if some behind it are old. A row dated ahead, by a clock
 * that ran ahead, says nothing about its age: it goes with the first old row behind it, which was
 * committed after it. Else it would hold up all of them until its own date is old.
 */
export async function deleteOldChanges(
  db: D1Database,
  cutoff_ms: number,
  now_ms: number,
): Promise<boolean> {
  const { meta } = await db
    .prepare(
      `WITH dated AS (SELECT id, at FROM changes WHERE at <= ?2 ORDER BY id LIMIT ${DELETE_STEP})
       DELETE FROM changes WHERE id IN (SELECT id FROM changes ORDER BY id LIMIT ${DELETE_STEP})
         AND id < (SELECT max(id) FROM changes)
         AND id <= (SELECT max(id) FROM dated WHERE at < ?1
           AND id < coalesce((SELECT min(id) FROM dated WHERE at >= ?1), ${Number.MAX_SAFE_INTEGER}))`,
    )
    .bind(cutoff_ms, now_ms)
    .run();
  return meta.changes === DELETE_STEP;
}
