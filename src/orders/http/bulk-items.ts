import { Hono } from "hono";
import * as v from "valibot";
import { putItems } from "../items/items.sql.ts";
import type { AppEnv } from "./app-env.ts";
import { requireScopes } from "./auth.ts";
import { BulkLinesSchema, failed, type LineResult, MAX_BULK_BYTES, readLines } from "./bulk.ts";
import { forgetCatalogue } from "./catalogue.ts";
import { ItemSchema } from "./item-body.ts";
import { body } from "./validation.ts";

/** Body of `POST /v1/items/bulk`. */
export const BulkItemsSchema = v.strictObject({ items: BulkLinesSchema });

/** Creates or replaces many items, each as a PUT would. */
export const bulkItems = new Hono<AppEnv>().post(
  "/",
  requireScopes("catalogue:write"),
  forgetCatalogue,
  body(BulkItemsSchema, { maxBytes: MAX_BULK_BYTES }),
  async (c) => {
    const { items } = c.req.valid("json");
    const { valid, results } = readLines(items, ItemSchema);
    const lines = [...valid.values()].map(({ sku, value }) => ({ sku, details: value }));
    const created = await putItems(c.env.DB, lines, Date.now());
    for (const [i, { sku }] of valid) {
      results.set(i, { sku, status: created.has(sku) ? 201 : 200 });
    }
    return c.json({ results: items.map((_, i): LineResult => results.get(i) ?? UNKNOWN) });
  },
);

/** Every line has a result; this says so to the compiler. */
const UNKNOWN = failed(null, "internal");
