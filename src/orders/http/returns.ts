import { Hono } from "hono";
import * as v from "valibot";
import { newOrderId } from "../../contract/order-id.ts";
import { viewOf } from "../order/order.ts";
import { returnView } from "../order/return.ts";
import { returnsOf } from "../order/returns.sql.ts";
import { recordReturn } from "../returns/record-return.ts";
import type { AppEnv } from "./app-env.ts";
import { requireScopes } from "./auth.ts";
import { background } from "./background.ts";
import { findOrder, orderIdIn, orderNotFound } from "./find-order.ts";
import { IdempotencyKeySchema } from "./idempotency-key.ts";
import { LinesSchema } from "./order-body.ts";
import { Problem } from "./problem.ts";
import { actorOf } from "./scopes.ts";
import { markSpan } from "./span.ts";
import { singleLineText } from "./text.ts";
import { body, headers } from "./validation.ts";

/** Body of `POST /v1/orders/:id/returns`. */
export const ReturnSchema = v.strictObject({
  lines: LinesSchema,
  restock: v.boolean(),
  reason: singleLineText(500),
});

export const returns = new Hono<AppEnv>()
  .post(
    "/:id/returns",
    requireScopes("orders:pay"),
    headers(v.object({ "idempotency-key": v.optional(IdempotencyKeySchema) })),
    body(ReturnSchema),
    async (c) => {
      const orderId = orderIdIn(c.req.param("id"));
      const key = c.req.valid("header")["idempotency-key"];
      if (key === undefined) throw new Problem("idempotency_key_required");
      const actor = actorOf(c.get("caller"));
      const wanted = { id: newOrderId(Date.now()), orderId, actor, key };
      const recorded = await recordReturn(
        c.env,
        { ...wanted, keyOwner: c.get("caller").sub, ...c.req.valid("json") },
        background(c),
      );
      if ("order" in recorded) markSpan(c, recorded.order);
      switch (recorded.type) {
        case "unknown_order":
          throw orderNotFound;
        case "new":
        case "repeated": {
          const isNew = recorded.type === "new";
          const replayed = isNew ? {} : { "Idempotency-Replayed": "true" };
          const answer = { return: returnView(recorded.made), order: viewOf(recorded.order) };
          return c.json(answer, isNew ? 201 : 200, replayed);
        }
        case "key_reused":
          throw new Problem("idempotency_key_reused", {
            detail: "The key belongs to another return.",
          });
        case "not_returnable":
        case "return_exceeds_sold":
          throw new Problem(recorded.type, { extra: { order: viewOf(recorded.order) } });
      }
    },
  )
  .get("/:id/returns", requireScopes("orders:pay", "orders:read"), async (c) => {
    const order = await findOrder(c.env.DB, c.req.param("id"));
    if (!order) throw orderNotFound;
    return c.json({ returns: (await returnsOf(c.env.DB, order.id)).map(returnView) });
  });
