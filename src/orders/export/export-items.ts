import { listAllItems } from "../items/item-queries.sql.ts";
import { type StockedItem, stockedItemView } from "../items/item.ts";
import { csvFormat, type Row } from "./csv.ts";
import { ndjson, type Page } from "./pages.ts";

/** All items with their levels, in pages by SKU. */

const PAGE_ITEMS = 500;

export async function readItems(
  db: D1Database,
  after: string,
  now_ms: number,
): Promise<Page<StockedItem>> {
  const { items, next } = await listAllItems(db, {
    q: null,
    status: null,
    sort: "sku",
    after: { starts_ms: 0, sku: after },
    limit: PAGE_ITEMS,
  });
  const entries = items.map((item) => stockedItemView(item, now_ms));
  return { entries, next: next?.sku ?? null };
}

/** Of `readItems`, which D1 counts one by one. */
export const STATEMENTS_PER_PAGE = 2;

export const ITEM_COLUMNS = [
  "type",
  "sku",
  "name",
  "status",
  "price",
  "currency",
  "limit_per_customer",
  "payment_window_seconds",
  "sale_starts_at",
  "sale_ends_at",
  "sale_state",
  "received",
  "available",
  "held",
  "sold",
  "updated_at",
] as const;

function rowOf(item: StockedItem): Row<(typeof ITEM_COLUMNS)[number]> {
  return {
    type: "item",
    sku: item.sku,
    name: item.name,
    status: item.status,
    price: item.price.amount,
    currency: item.price.currency,
    limit_per_customer: item.limitPerCustomer,
    payment_window_seconds: item.paymentWindowSeconds,
    sale_starts_at: item.saleStartsAt,
    sale_ends_at: item.saleEndsAt,
    sale_state: item.saleState,
    ...item.level,
    updated_at: item.updatedAt,
  };
}

export const itemsAsCsv = csvFormat(ITEM_COLUMNS, "sku", (item: StockedItem) => [rowOf(item)]);
export const itemsAsNdjson = ndjson((item: StockedItem) => item);
