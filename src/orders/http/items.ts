import { type Context, Hono } from "hono";
import * as v from "valibot";
import { SkuSchema } from "../../contract/sku.ts";
import { getItem, listItems } from "../items/item-queries.sql.ts";
import { etagOf, itemView, type StoredItem } from "../items/item.ts";
import { archiveItem, putItem, type Written } from "../items/items.sql.ts";
import { patchItem } from "../items/patch-item.ts";
import type { AppEnv } from "./app-env.ts";
import { requireScopes } from "./auth.ts";
import { ItemPatchSchema, ItemSchema, patched } from "./item-body.ts";
import { paginate, pageQuery, decodeCursor } from "./pagination.ts";
import { isUnchanged, preconditionOf, WriteConditions } from "./preconditions.ts";
import { invalid, Problem } from "./problem.ts";
import { itemNotFound, skuFromPath } from "./sku.ts";
import { body, headers, query } from "./validation.ts";

const PATCH_TYPES = ["application/merge-patch+json", "application/json"];

export const items = new Hono<AppEnv>()
  .get("/", query(v.object(pageQuery)), async (c) => {
    const { limit, cursor } = c.req.valid("query");
    const after = decodeCursor(cursor, SkuSchema);
    const found = await listItems(c.env.DB, { after, limit: limit + 1 });
    const { page, nextCursor } = paginate(found, limit, ({ sku }) => sku);
    return c.json({ items: page.map(itemView), nextCursor });
  })
  .get("/:sku", async (c) => {
    const item = await getItem(c.env.DB, skuFromPath(c.req.param("sku")));
    if (!item || item.isArchived || item.details.status === "draft") throw itemNotFound;
    const etag = etagOf(item);
    c.header("ETag", etag);
    if (isUnchanged(c.req.header("If-None-Match"), etag)) return c.body(null, 304) as never;
    return c.json(itemView(item));
  })
  .put(
    "/:sku",
    requireScopes("catalogue:write"),
    headers(WriteConditions),
    body(ItemSchema),
    async (c) => {
      const sku = v.safeParse(SkuSchema, c.req.param("sku"));
      if (!sku.success) throw invalid([{ path: "sku", message: sku.issues[0].message }]);
      const precondition = preconditionOf(c.req.valid("header"));
      const details = c.req.valid("json");
      const written = await putItem(c.env.DB, sku.output, details, precondition, Date.now());
      const item = itemAfter(written);
      return itemResponse(c, item, written.before === null ? 201 : 200);
    },
  )
  .patch(
    "/:sku",
    requireScopes("catalogue:write"),
    headers(WriteConditions),
    body(ItemPatchSchema, { types: PATCH_TYPES }),
    async (c) => {
      const sku = skuFromPath(c.req.param("sku"));
      const patch = c.req.valid("json");
      const precondition = preconditionOf(c.req.valid("header"));
      const change = (details: StoredItem["details"]) => patched(details, patch);
      const written = await patchItem(c.env.DB, sku, change, precondition);
      if (written === "not_found") throw itemNotFound;
      if (written === "busy") {
        throw new Problem("unavailable", { detail: "Many others change this item. Repeat it." });
      }
      return itemResponse(c, itemAfter(written), 200);
    },
  )
  .delete("/:sku", requireScopes("catalogue:write"), headers(WriteConditions), async (c) => {
    const sku = skuFromPath(c.req.param("sku"));
    const precondition = preconditionOf(c.req.valid("header"));
    const written = await archiveItem(c.env.DB, sku, precondition, Date.now());
    if (!written.before) throw itemNotFound;
    // Archived already: a repeat may name the revision from before (RFC 9110, 13.1.1).
    if (!written.before.isArchived) itemAfter(written);
    return c.body(null, 204);
  });

/** The item as it was written. Throws `precondition_failed` with the item as it is. */
function itemAfter({ item, isAllowed }: Written): StoredItem {
  if (isAllowed && item) return item;
  const isShown = item && !item.isArchived;
  throw new Problem("precondition_failed", {
    ...(isShown && {
      extra: { item: itemDetailsView(item) },
      headers: { ETag: etagOf(item) },
    }),
  });
}

function itemResponse(c: Context<AppEnv>, item: StoredItem, status: 200 | 201) {
  c.header("ETag", etagOf(item));
  return c.json(itemDetailsView(item), status);
}

/** What those who write items see. */
const itemDetailsView = (item: StoredItem) => ({ ...itemView(item), status: item.details.status });
