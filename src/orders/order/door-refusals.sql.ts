/** The table `door_refusals`: how many orders were refused at the door, per minute and item. */

/** What one minute adds to an item; with an empty SKU, to the count of orders. */
export interface DoorRefusals {
  /** Since 1970. */
  minute: number;
  sku: string;
  orders: number;
  units: number;
}

/** The row of a minute that counts each order once. */
export const ALL_ITEMS = "";

/** Two days, as in `minutes`. */
const KEPT_MINUTES = 2_880;

/** Adds what was counted, and deletes what is too old. Writes a row for each. */
export async function addDoorRefusals(
  db: D1Database,
  counted: readonly DoorRefusals[],
  now_ms: number,
): Promise<void> {
  await db.batch([
    db
      .prepare(
        `INSERT INTO door_refusals (minute, sku, orders, units)
         SELECT value->>'minute', value->>'sku', value->>'orders', value->>'units'
         FROM json_each(?) WHERE true
         ON CONFLICT (minute, sku) DO UPDATE
           SET orders = orders + excluded.orders, units = units + excluded.units`,
      )
      .bind(JSON.stringify(counted)),
    db
      .prepare("DELETE FROM door_refusals WHERE minute < ?")
      .bind(Math.floor(now_ms / 60_000) - KEPT_MINUTES),
  ]);
}

/** The orders of each minute since then. */
export const selectDoorMinutes = (db: D1Database, since_ms: number): D1PreparedStatement =>
  db
    .prepare("SELECT minute, orders FROM door_refusals WHERE minute >= ? AND sku = ''")
    .bind(Math.floor(since_ms / 60_000));

/** The items with the most refused units since then. */
export const selectDoorItems = (
  db: D1Database,
  { since_ms, limit }: { since_ms: number; limit: number },
): D1PreparedStatement =>
  db
    .prepare(
      `SELECT sku, sum(orders) AS orders, sum(units) AS units FROM door_refusals
       WHERE minute >= ? AND sku <> '' GROUP BY sku ORDER BY units DESC, sku LIMIT ?`,
    )
    .bind(Math.floor(since_ms / 60_000), limit);

export type ItemDoorMinute = Omit<DoorRefusals, "sku">;

/** One item's refusals in these minutes, a row for each by its key. */
export async function readItemDoorMinutes(
  db: D1Database,
  { sku, minutes }: { sku: string; minutes: readonly number[] },
): Promise<ItemDoorMinute[]> {
  const { results } = await db
    .prepare(
      `SELECT minute, orders, units FROM door_refusals
       WHERE minute IN (SELECT value FROM json_each(?)) AND sku = ?`,
    )
    .bind(JSON.stringify(minutes), sku)
    .all<ItemDoorMinute>();
  return results;
}
