import { Hono } from "hono";
import * as v from "valibot";
import { SkuSchema } from "../../contract/sku.ts";
import { listAllItems, listOnSale } from "../items/item-queries.sql.ts";
import { stockedItemView } from "../items/item.ts";
import type { AppEnv } from "./app-env.ts";
import { requireScopes } from "./auth.ts";
import { decodeCursor, encodeCursor, pageQuery } from "./pagination.ts";
import { query } from "./validation.ts";

const PositionSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.strictObject({ starts_ms: v.pipe(v.number(), v.integer()), sku: SkuSchema }),
);

export const ItemsQuery = v.strictObject({
  ...pageQuery,
  q: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(200))),
  status: v.optional(v.picklist(["draft", "listed", "archived"], "is not a status of an item")),
  sort: v.optional(v.picklist(["sku", "saleStartsAt"], "must be sku or saleStartsAt"), "sku"),
  onSale: v.optional(v.picklist(["true"], "must be true")),
});

/** All items as operators see them: also drafts and archived ones, with level and sale. */
export const operatorItems = new Hono<AppEnv>().get(
  "/",
  requireScopes("operations:read"),
  query(ItemsQuery),
  async (c) => {
    const { limit, cursor, q = null, status = null, sort, onSale } = c.req.valid("query");
    const now_ms = Date.now();
    const after = decodeCursor(cursor, PositionSchema);
    const { items, next } = onSale
      ? { items: await listOnSale(c.env.DB, { now_ms, limit }), next: null }
      : await listAllItems(c.env.DB, { q, status, sort, after, limit });
    return c.json({
      items: items.map((item) => stockedItemView(item, now_ms)),
      nextCursor: encodeCursor(next && JSON.stringify(next)),
    });
  },
);
