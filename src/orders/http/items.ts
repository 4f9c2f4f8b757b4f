import { Hono } from "hono";
import * as v from "valibot";
import { SkuSchema } from "../../contract/sku.ts";
import { getItem, listItems, putItem } from "../items/items.sql.ts";
import type { AppEnv } from "./app-env.ts";
import { requireScopes } from "./auth.ts";
import { CurrencySchema } from "./currency.ts";
import { paginate, pageQuery, decodeCursor } from "./pagination.ts";
import { invalid } from "./problem.ts";
import { itemNotFound, skuFromPath } from "./sku.ts";
import { singleLineText } from "./text.ts";
import { TimeSchema } from "./timestamp.ts";
import { body, query } from "./validation.ts";

/** In minor units. Up to 10⁹, an order's total stays an exact JavaScript number. */
const MAX_PRICE = 1_000_000_000;

/** Body of `PUT /v1/items/:sku`. */
export const ItemSchema = v.pipe(
  v.strictObject({
    name: singleLineText(200),
    price: v.strictObject({
      amount: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_PRICE)),
      currency: CurrencySchema,
    }),
    limitPerCustomer: v.nullish(
      v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000)),
      null,
    ),
    saleStartsAt: v.nullish(TimeSchema, null),
    saleEndsAt: v.nullish(TimeSchema, null),
  }),
  v.check(
    ({ saleStartsAt, saleEndsAt }) =>
      !saleStartsAt || !saleEndsAt || Date.parse(saleStartsAt) < Date.parse(saleEndsAt),
    "saleStartsAt must be before saleEndsAt",
  ),
);

export const items = new Hono<AppEnv>()
  .get("/", query(v.object(pageQuery)), async (c) => {
    const { limit, cursor } = c.req.valid("query");
    const after = decodeCursor(cursor, SkuSchema);
    const found = await listItems(c.env.DB, { after, limit: limit + 1 });
    const { page, nextCursor } = paginate(found, limit, ({ sku }) => sku);
    return c.json({ items: page, nextCursor });
  })
  .get("/:sku", async (c) => {
    const item = await getItem(c.env.DB, skuFromPath(c.req.param("sku")));
    if (!item) throw itemNotFound;
    return c.json(item);
  })
  .put("/:sku", requireScopes("catalogue:write"), body(ItemSchema), async (c) => {
    const sku = v.safeParse(SkuSchema, c.req.param("sku"));
    if (!sku.success) throw invalid([{ path: "sku", message: sku.issues[0].message }]);
    const { item, isNew } = await putItem(c.env.DB, sku.output, c.req.valid("json"), Date.now());
    return c.json(item, isNew ? 201 : 200);
  });
