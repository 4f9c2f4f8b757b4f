import { Hono } from "hono";
import * as v from "valibot";
import { SentOrderIdSchema } from "../../contract/order-id.ts";
import { policyOf } from "../config/policy.ts";
import { fenced } from "../database/fenced.ts";
import { listPayments } from "../order/payment-queries.sql.ts";
import { paymentView } from "../order/payment.ts";
import { refundPayment } from "../order/payments.sql.ts";
import { recordPayment } from "../payments/record-payment.ts";
import type { AppEnv } from "./app-env.ts";
import { requireScopes } from "./auth.ts";
import { background } from "./background.ts";
import { AmountSchema } from "./order-body.ts";
import { decodeCursor, encodeCursor, pageQuery } from "./pagination.ts";
import { Problem } from "./problem.ts";
import { actorOf } from "./scopes.ts";
import { singleLineText } from "./text.ts";
import { body, query } from "./validation.ts";

/** Longer than any payment provider's ids. */
const MAX_REFERENCE_CHARS = 255;
const ReferenceSchema = singleLineText(MAX_REFERENCE_CHARS);

/** Any text: a payment is recorded for whatever order it names. Order ids are in lower case. */
const NamedOrderSchema = v.union([SentOrderIdSchema, singleLineText(255)]);

/** Body of `POST /v1/payments`. */
export const PaymentSchema = v.strictObject({
  reference: ReferenceSchema,
  orderId: NamedOrderSchema,
  amount: AmountSchema,
  /** Any code: money in an unknown currency has arrived too, and is recorded as unmatched. */
  currency: v.pipe(v.string(), v.regex(/^[A-Z]{3}$/, "must be three capital letters (ISO 4217)")),
});

export const PaymentStateSchema = v.optional(
  v.picklist(["applied", "waiting", "unmatched", "refunded"], "is not a state of a payment"),
);
const PositionSchema = v.pipe(v.string(), v.regex(/^\d{1,15}$/), v.transform(Number));

export const payments = new Hono<AppEnv>()
  .post("/", requireScopes("orders:pay"), body(PaymentSchema), async (c) => {
    const actor = actorOf(c.get("caller"));
    const recorded = await recordPayment(c.env, c.req.valid("json"), actor, background(c));
    if (recorded.type === "reused") {
      throw new Problem("idempotency_key_reused", {
        detail: "The reference belongs to a payment with another order, amount or currency.",
        extra: { payment: paymentView(recorded.payment) },
      });
    }
    const status = recorded.type === "new" ? 201 : 200;
    return c.json({ payment: paymentView(recorded.payment) }, status);
  })
  .get(
    "/",
    requireScopes("orders:pay", "operations:read"),
    query(
      v.strictObject({
        ...pageQuery,
        state: PaymentStateSchema,
        orderId: v.optional(NamedOrderSchema),
      }),
    ),
    async (c) => {
      const { limit, cursor, state = null, orderId = null } = c.req.valid("query");
      const before = decodeCursor(cursor, PositionSchema);
      const found = await listPayments(c.env.DB, { state, orderId, before, limit });
      const nextCursor = encodeCursor(found.next === null ? null : `${found.next}`);
      return c.json({ payments: found.payments.map(paymentView), nextCursor });
    },
  )
  .post("/:reference/refunded", requireScopes("orders:pay"), async (c) => {
    const payment = await refundPayment(
      fenced(c.env.DB, { beat: 0 }),
      policyOf(c.env),
      c.req.param("reference"),
      Date.now(),
    );
    if (!payment) throw paymentNotFound;
    if (payment.state === "refunded") return c.json({ payment: paymentView(payment) });
    throw new Problem("not_refundable", { extra: { payment: paymentView(payment) } });
  });

const paymentNotFound = new Problem("not_found", { detail: "There is no such payment." });
