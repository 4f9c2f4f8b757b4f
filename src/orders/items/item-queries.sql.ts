import type { ItemStatus, StoredItem } from "./item.ts";

/** The reads of the table `items`. `items.sql.ts` writes it. */

export interface ItemRow {
  sku: string;
  name: string;
  price_amount: number;
  price_currency: string;
  limit_per_customer: number | null;
  payment_window_ms: number | null;
  sale_starts_at: number | null;
  sale_ends_at: number | null;
  status: ItemStatus;
  revision: number;
  archived_at: number | null;
  received: number;
  available: number;
  held: number;
  sold: number;
  paused: number;
  level_version: number;
  updated_at: number;
}

export function itemFromRow(row: ItemRow): StoredItem {
  const { received, available, held, sold } = row;
  return {
    sku: row.sku,
    details: {
      name: row.name,
      price: { amount: row.price_amount, currency: row.price_currency },
      limitPerCustomer: row.limit_per_customer,
      paymentWindowSeconds: row.payment_window_ms && row.payment_window_ms / 1_000,
      saleStartsAt: iso(row.sale_starts_at),
      saleEndsAt: iso(row.sale_ends_at),
      status: row.status,
    },
    revision: row.revision,
    levelVersion: row.level_version,
    isArchived: row.archived_at !== null,
    level: { received, available, held, sold },
    isPaused: row.paused === 1,
    updatedAt_ms: row.updated_at,
  };
}

/** On a row of `items`: buyers see it and can order it. An index has these very terms. */
export const isListed = (alias: string): string =>
  `${alias}.status = 'listed' AND ${alias}.archived_at IS NULL`;

/** The item, also if it is a draft or archived. */
export async function getItem(db: D1Database, sku: string): Promise<StoredItem | null> {
  const row = await db.prepare("SELECT * FROM items WHERE sku = ?").bind(sku).first<ItemRow>();
  return row && itemFromRow(row);
}

/** Those of these SKUs that are in the catalogue, also as drafts or archived. */
export async function knownSkus(db: D1Database, skus: readonly string[]): Promise<Set<string>> {
  if (skus.length === 0) return new Set();
  const { results } = await db
    .prepare("SELECT i.sku FROM json_each(?) AS e JOIN items AS i ON i.sku = e.value")
    .bind(JSON.stringify(skus))
    .all<{ sku: string }>();
  return new Set(results.map(({ sku }) => sku));
}

/** A page by SKU. */
export interface CataloguePage {
  after: string | null;
  limit: number;
}

/** What buyers see: pages of it, and items by their SKU, in one batch. */
export async function readCatalogue(
  db: D1Database,
  { pages, skus }: { pages: readonly CataloguePage[]; skus: readonly string[] },
): Promise<{ pages: StoredItem[][]; items: StoredItem[] }> {
  const [items, ...lists] = await db.batch<ItemRow>([
    db
      .prepare(
        `SELECT i.* FROM json_each(?) AS e JOIN items AS i ON i.sku = e.value
         WHERE ${isListed("i")}`,
      )
      .bind(JSON.stringify(skus)),
    ...pages.map(({ after, limit }) =>
      db
        .prepare(`SELECT * FROM items AS i WHERE sku > ? AND ${isListed("i")} ORDER BY sku LIMIT ?`)
        .bind(after ?? "", limit),
    ),
  ]);
  const found = (result: D1Result<ItemRow> | undefined) => (result?.results ?? []).map(itemFromRow);
  return { pages: lists.map(found), items: found(items) };
}

export interface ItemQuery {
  /** Part of the SKU or the name, in any case of ASCII letters; null: any. */
  q: string | null;
  status: ItemStatus | "archived" | null;
  sort: "sku" | "saleStartsAt";
  after: ItemPosition | null;
  limit: number;
}

/** The last item of a page. `starts_ms`: 0 for an item that was always on sale. */
export interface ItemPosition {
  starts_ms: number;
  sku: string;
}

/** Rows that one page reads to find what it looks for. A short or empty page need not be the last. */
const PAGE_SCAN = 1_000;
const STARTS = "coalesce(sale_starts_at, 0)";

const SEEN_BY_SKU = `SELECT * FROM items WHERE sku > ?2 ORDER BY sku LIMIT ${PAGE_SCAN}`;
/** In two parts, because a comparison of (starts, sku) reads the index from its beginning. */
const SEEN_BY_SALE = `SELECT * FROM (
    SELECT * FROM (SELECT * FROM items WHERE ${STARTS} = ?1 AND sku > ?2
      ORDER BY sku LIMIT ${PAGE_SCAN})
    UNION ALL
    SELECT * FROM (SELECT * FROM items WHERE ${STARTS} > ?1
      ORDER BY ${STARTS}, sku LIMIT ${PAGE_SCAN}))
  ORDER BY ${STARTS}, sku LIMIT ${PAGE_SCAN}`;
const SHOWN_STATUS = "iif(archived_at IS NULL, status, 'archived')";

/** All items, also drafts and archived ones. */
export async function listAllItems(
  db: D1Database,
  { q, status, sort, after, limit }: ItemQuery,
): Promise<{ items: StoredItem[]; next: ItemPosition | null }> {
  const order = sort === "sku" ? "sku" : `${STARTS}, sku`;
  const from = [after?.starts_ms ?? Number.MIN_SAFE_INTEGER, after?.sku ?? ""] as const;
  const seen = sort === "sku" ? SEEN_BY_SKU : SEEN_BY_SALE;
  const [found, end] = await db.batch<ItemRow>([
    db
      .prepare(
        `SELECT * FROM (${seen}) WHERE (?3 IS NULL OR ${SHOWN_STATUS} = ?3)
           AND (?4 IS NULL OR instr(lower(sku), lower(?4)) > 0 OR instr(lower(name), lower(?4)) > 0)
         ORDER BY ${order} LIMIT ?5`,
      )
      .bind(...from, status, q, limit + 1),
    db.prepare(`SELECT * FROM (${seen}) LIMIT 1 OFFSET ${PAGE_SCAN - 1}`).bind(...from),
  ]);
  const rows = found?.results ?? [];
  const page = rows.slice(0, limit);
  const last = rows.length > limit ? page.at(-1) : end?.results[0];
  return { items: page.map(itemFromRow), next: last ? positionOf(last) : null };
}

/** Sales that one look at those that run now goes through, the last begun first. */
const SALES_SCAN = 1_000;

/** Items whose own sale is on: listed, with a time that now is within. The last begun first. */
export async function listOnSale(
  db: D1Database,
  { now_ms, limit }: { now_ms: number; limit: number },
): Promise<StoredItem[]> {
  const { results } = await db
    .prepare(
      `SELECT * FROM (SELECT * FROM items WHERE ${STARTS} <= ?1
           ORDER BY ${STARTS} DESC, sku DESC LIMIT ${SALES_SCAN}) AS i
         WHERE ${isListed("i")} AND (sale_ends_at > ?1 OR (sale_ends_at IS NULL AND sale_starts_at > 0))
         LIMIT ?2`,
    )
    .bind(now_ms, limit)
    .all<ItemRow>();
  return results.map(itemFromRow);
}

const positionOf = ({ sale_starts_at, sku }: ItemRow): ItemPosition => ({
  starts_ms: sale_starts_at ?? 0,
  sku,
});

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
