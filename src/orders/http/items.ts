import { type Context, Hono, type TypedResponse } from "hono";
import * as v from "valibot";
import { SkuSchema } from "../../contract/sku.ts";
import { etagOf, itemView, type ItemView, type StoredItem } from "../items/item.ts";
import { archiveItem, putItem, type Written } from "../items/items.sql.ts";
import { patchItem } from "../items/patch-item.ts";
import type { AppEnv } from "./app-env.ts";
import { requireScopes } from "./auth.ts";
import { leaderOf } from "./background.ts";
import { forgetCatalogue, isCatalogueMiss, readItem, readList, type Shown } from "./catalogue.ts";
import { ItemPatchSchema, ItemSchema, patched } from "./item-body.ts";
import { pageQuery, decodeCursor } from "./pagination.ts";
import { isUnchanged, preconditionOf, WriteConditions } from "./preconditions.ts";
import { invalid, Problem } from "./problem.ts";
import { limitLook } from "./rate-limit.ts";
import { itemNotFound, skuFromPath } from "./sku.ts";
import { body, headers, query } from "./validation.ts";

const CDN_CACHE_CONTROL = "max-age=1, stale-while-revalidate=1, stale-if-error=10";

const MAX_SKUS = 50;
const SkuListSchema = v.pipe(
  v.string(),
  v.maxLength(MAX_SKUS * 65),
  v.transform((text) => [...new Set(text.split(","))].sort()),
  v.array(SkuSchema),
  v.maxLength(MAX_SKUS, `must name at most ${MAX_SKUS} items`),
);

/** Query of `GET /v1/items`. */
export const CatalogueQuery = v.strictObject({ ...pageQuery, sku: v.optional(SkuListSchema) });

export interface ItemList {
  items: ItemView[];
  nextCursor: string | null;
}

const PATCH_TYPES = ["application/merge-patch+json", "application/json"];

export const items = new Hono<AppEnv>()
  .get("/", query(CatalogueQuery), async (c) => {
    const { limit, cursor, sku: skus } = c.req.valid("query");
    if (skus && (c.req.query("limit") ?? cursor) !== undefined) {
      throw invalid([{ path: "sku", message: "cannot be combined with limit or cursor" }]);
    }
    const wanted = skus ? { skus } : { after: decodeCursor(cursor, SkuSchema), limit };
    if (isCatalogueMiss(wanted)) await limitLook(c);
    return shown<ItemList>(c, await readList(leaderOf(c), wanted));
  })
  .get("/:sku", query(v.strictObject({})), async (c) => {
    const sku = skuFromPath(c.req.param("sku"));
    if (isCatalogueMiss({ skus: [sku] })) await limitLook(c);
    const item = await readItem(leaderOf(c), sku);
    if (item === undefined) throw itemNotFound;
    return shown<ItemView>(c, item);
  })
  .put(
    "/:sku",
    requireScopes("catalogue:write"),
    forgetCatalogue,
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
    forgetCatalogue,
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
  .delete(
    "/:sku",
    requireScopes("catalogue:write"),
    forgetCatalogue,
    headers(WriteConditions),
    async (c) => {
      const sku = skuFromPath(c.req.param("sku"));
      const precondition = preconditionOf(c.req.valid("header"));
      const written = await archiveItem(c.env.DB, sku, precondition, Date.now());
      if (!written.before) throw itemNotFound;
      // Archived already: a repeat may name the revision from before (RFC 9110, 13.1.1).
      if (!written.before.isArchived) itemAfter(written);
      return c.body(null, 204);
    },
  );

/**
 * A response that the platform's cache may keep for a second (Workers Cache, which honours
 * `Cloudflare-CDN-Cache-Control`; browsers ask each time). It names no request: others get it too.
 */
function shown<T>(c: Context<AppEnv>, found: Shown | null) {
  if (found === null) {
    const detail = "Too many different parts of the catalogue are asked for at once.";
    throw new Problem("rate_limited", { detail, headers: { "Retry-After": "1" } });
  }
  const { etag, json } = found;
  c.header("X-Request-Id", undefined);
  c.header("ETag", etag);
  c.header("Cache-Control", "no-cache");
  c.header("Cloudflare-CDN-Cache-Control", CDN_CACHE_CONTROL);
  const response = isUnchanged(c.req.header("If-None-Match"), etag)
    ? c.body(null, 304)
    : c.body(json, 200, { "Content-Type": "application/json" });
  return response as unknown as TypedResponse<T, 200, "json">;
}

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
