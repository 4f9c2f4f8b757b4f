import { SCAN_ROWS, type TableScan } from "../database/table-scan.ts";

/** The table `idempotency_keys`. Its column `customer_id` holds the key's owner. */

/** The key's owner: the service that orders for the customer, else the customer (`c`: candidate). */
export const KEY_OWNER = "coalesce(c.value->>'keyOwner', c.value->>'customerId')";

/**
 * Binds the keys of those candidates (JSON) whose orders exist. A candidate refused by admission
 * leaves its key free. A key whose order was pruned is bound to the new order.
 */
export function bindKeys(db: D1Database, candidates: string, now_ms: number): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO idempotency_keys (customer_id, key, order_id, created_at)
       SELECT ${KEY_OWNER}, c.value->>'key', c.value->>'id', ?2 FROM json_each(?1) AS c
       WHERE c.value->>'key' IS NOT NULL AND EXISTS (SELECT 1 FROM orders WHERE id = c.value->>'id')
       ON CONFLICT (customer_id, key) DO UPDATE
         SET order_id = excluded.order_id, created_at = excluded.created_at
         WHERE NOT EXISTS (SELECT 1 FROM orders WHERE id = idempotency_keys.order_id)`,
    )
    .bind(candidates, now_ms);
}

/**
 * Binds the keys of rebuilt orders (JSON list) again. A key that was used anew since the database was
 * put back stays with the order that its owner knows by now.
 */
export const bindRebuiltKeys = (db: D1Database, rows: string): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO idempotency_keys (customer_id, key, order_id, created_at)
       SELECT coalesce(o.idempotency_owner, o.customer_id), o.idempotency_key, o.id, o.placed_at
       FROM json_each(?1) AS e JOIN orders AS o ON o.id = e.value->>'id'
       WHERE o.idempotency_key IS NOT NULL
       ON CONFLICT (customer_id, key) DO UPDATE SET order_id = excluded.order_id
         WHERE NOT EXISTS (SELECT 1 FROM orders WHERE id = idempotency_keys.order_id)`,
    )
    .bind(rows);

/** The keys that the customer has used. Those of services that ordered for the customer name nobody. */
export const deleteKeysOf = (db: D1Database, customerId: string): D1PreparedStatement =>
  db.prepare("DELETE FROM idempotency_keys WHERE customer_id = ?").bind(customerId);

/** The keys of these orders (their ids) that their customers have used. */
export const deleteKeysOfOrders = (db: D1Database, ids: readonly string[]): D1PreparedStatement =>
  db
    .prepare(
      `DELETE FROM idempotency_keys WHERE order_id IN (SELECT value FROM json_each(?1))
         AND customer_id IN (SELECT customer_id FROM orders
           WHERE id IN (SELECT value FROM json_each(?1)))`,
    )
    .bind(JSON.stringify(ids));

/** Sorts before every key, since no customer id is empty. */
const NO_KEY = JSON.stringify(["", ""]);
const KEYS_AFTER = `FROM idempotency_keys
  WHERE (customer_id, key) > (?1->>0, ?1->>1) ORDER BY customer_id, key`;

/** Deletes keys bound before a time. The position of the scan is a JSON array of customer and key. */
export function deleteOldKeys(db: D1Database, cutoff_ms: number): TableScan {
  const last = db.prepare(
    `SELECT json_array(customer_id, key) AS last ${KEYS_AFTER} LIMIT 1 OFFSET ${SCAN_ROWS - 1}`,
  );
  const gone = db.prepare(
    `DELETE FROM idempotency_keys WHERE created_at < ?2 AND (customer_id, key) IN
       (SELECT customer_id, key ${KEYS_AFTER} LIMIT ${SCAN_ROWS})`,
  );
  return async (after) => {
    const [found, deleted] = await db.batch<{ last: string }>([
      last.bind(after || NO_KEY),
      gone.bind(after || NO_KEY, cutoff_ms),
    ]);
    const next = found?.results[0]?.last ?? "";
    // Does not count the rows of the last step, which are too few to change the pace.
    return { next, scanned: next === "" ? 0 : SCAN_ROWS, deleted: deleted?.meta.changes ?? 0 };
  };
}
