import type { VersionedLevel } from "../../contract/stock-events.ts";
import type { Money } from "../order/order.ts";

/** The table `items`: the catalogue, which operators write, and the read model of the levels. */

export interface ItemRow {
  sku: string;
  name: string;
  price_amount: number;
  price_currency: string;
  limit_per_customer: number | null;
  sale_starts_at: number | null;
  sale_ends_at: number | null;
  available: number;
}

export interface ItemView {
  sku: string;
  name: string;
  price: Money;
  /** Available units by the read model, which lags a second or two behind the stock item. */
  available: number;
  limitPerCustomer: number | null;
  saleStartsAt: string | null;
  saleEndsAt: string | null;
}

export type ItemDetails = Omit<ItemView, "sku" | "available">;

function itemFromRow(row: ItemRow): ItemView {
  return {
    sku: row.sku,
    name: row.name,
    price: { amount: row.price_amount, currency: row.price_currency },
    available: row.available,
    limitPerCustomer: row.limit_per_customer,
    saleStartsAt: iso(row.sale_starts_at),
    saleEndsAt: iso(row.sale_ends_at),
  };
}

const COLUMNS = `sku, name, price_amount, price_currency, limit_per_customer, sale_starts_at,
  sale_ends_at, available`;

export async function getItem(db: D1Database, sku: string): Promise<ItemView | null> {
  const row = await db
    .prepare(`SELECT ${COLUMNS} FROM items WHERE sku = ?`)
    .bind(sku)
    .first<ItemRow>();
  return row && itemFromRow(row);
}

export async function listItems(
  db: D1Database,
  { after, limit }: { after: string | null; limit: number },
): Promise<ItemView[]> {
  const { results } = await db
    .prepare(`SELECT ${COLUMNS} FROM items WHERE sku > ? ORDER BY sku LIMIT ?`)
    .bind(after ?? "", limit)
    .all<ItemRow>();
  return results.map(itemFromRow);
}

/** Creates an item, or replaces its details and keeps its stock. */
export async function putItem(
  db: D1Database,
  sku: string,
  details: ItemDetails,
  now_ms: number,
): Promise<{ item: ItemView; isNew: boolean }> {
  const [before, after] = await db.batch<ItemRow>([
    db.prepare("SELECT sku FROM items WHERE sku = ?").bind(sku),
    db
      .prepare(
        `INSERT INTO items (sku, name, price_amount, price_currency, limit_per_customer,
           sale_starts_at, sale_ends_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (sku) DO UPDATE SET name = excluded.name, price_amount = excluded.price_amount,
           price_currency = excluded.price_currency,
           limit_per_customer = excluded.limit_per_customer,
           sale_starts_at = excluded.sale_starts_at, sale_ends_at = excluded.sale_ends_at,
           updated_at = excluded.updated_at
         RETURNING ${COLUMNS}`,
      )
      .bind(
        sku,
        details.name,
        details.price.amount,
        details.price.currency,
        details.limitPerCustomer,
        details.saleStartsAt && Date.parse(details.saleStartsAt),
        details.saleEndsAt && Date.parse(details.saleEndsAt),
        now_ms,
      ),
  ]);
  const row = after?.results[0];
  if (!row) throw new Error(`item ${sku} was not written`);
  return { item: itemFromRow(row), isNew: before?.results.length === 0 };
}

/**
 * Writes levels into the read model; an older version never replaces a newer one. Writing the same
 * version again confirms the level, so that the sold-out gate goes on trusting it. The confirmation
 * counts from the time at which the item read the level (`at`), not from now.
 */
export function applyLevels(
  db: D1Database,
  levels: readonly VersionedLevel[],
  now_ms: number,
): D1PreparedStatement {
  const rows = newest(levels).map((level) => ({ ...level, at_ms: Date.parse(level.at) }));
  return db
    .prepare(
      `UPDATE items SET received = l.received, available = l.available, held = l.held,
         sold = l.sold, level_version = l.version, breaches = l.breaches, level_at = max(coalesce(level_at, 0), min(l.at, ?2))
       FROM (SELECT value->>'$.level.sku' AS sku, value->>'$.level.received' AS received,
               value->>'$.level.available' AS available, value->>'$.level.held' AS held,
               value->>'$.level.sold' AS sold, value->>'$.levelVersion' AS version,
               value->>'$.breaches' AS breaches, value->>'$.at_ms' AS at
             FROM json_each(?1)) AS l
       WHERE items.sku = l.sku AND items.level_version <= l.version`,
    )
    .bind(JSON.stringify(rows), now_ms);
}

/** The newest level of each SKU: an UPDATE that joins a row twice would apply an arbitrary one. */
function newest(levels: readonly VersionedLevel[]): VersionedLevel[] {
  const bySku = new Map<string, VersionedLevel>();
  for (const level of levels) {
    const known = bySku.get(level.level.sku);
    if (!known || known.levelVersion < level.levelVersion) bySku.set(level.level.sku, level);
  }
  return [...bySku.values()];
}

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
