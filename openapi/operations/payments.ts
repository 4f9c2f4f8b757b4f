import { MAX_NOTICE_BYTES } from "../../src/orders/http/stripe.ts";
import * as examples from "../examples.ts";
import { body, json, type Operation } from "../operation.ts";

const PATH = "/v1/payments";

export const paymentOperations: Operation[] = [
  {
    id: "recordPayment",
    method: "post",
    path: PATH,
    tag: "Payments",
    summary: "Record a payment",
    description: `Records a payment, whatever its order, and pays the order with it in the same transaction. The reference makes it idempotent: a payment counts once.

A payment for a pending order waits and is applied when the order is confirmed. One that matches no order, or the wrong amount, or comes second, is \`unmatched\`: refund it, and say so. A payment for an order whose payment window ran out places the order again, if the customer has not ordered one of its items since and no price has changed (\`LATE_PAYMENT\`).`,
    caller: "service",
    scopes: ["orders:pay"],
    body: body("NewPayment", examples.newPayment, "The payment as the provider reports it."),
    answers: [
      json(
        201,
        "The payment is recorded.",
        "RecordedPayment",
        ["It has paid its order", { payment: examples.payment }],
        ["Late: it waits for the order that it placed again", { payment: examples.latePayment }],
        ["To be refunded", { payment: examples.unmatchedPayment }],
      ),
      json(200, "It was recorded before.", "RecordedPayment", [
        "A repeat",
        { payment: examples.payment },
      ]),
    ],
    problems: ["frozen", "idempotency_key_reused"],
  },
  {
    id: "listPayments",
    method: "get",
    path: PATH,
    tag: "Payments",
    summary: "List payments",
    description:
      "Lists the newest payments first. With `state`, a page may be short or even empty without being the last: continue while there is a `nextCursor`.",
    caller: "service",
    scopes: ["orders:pay", "operations:read"],
    parameters: ["PaymentState", "PaidOrder", "Limit", "Cursor"],
    answers: [
      json(200, "A page of payments.", "PaymentPage", [
        "To be refunded",
        { payments: [examples.unmatchedPayment], nextCursor: null },
      ]),
    ],
  },
  {
    id: "refundPayment",
    method: "post",
    path: `${PATH}/{reference}/refunded`,
    tag: "Payments",
    summary: "Mark a payment as refunded",
    description:
      "Records that you have refunded an unmatched payment. A payment that is refunded already is returned unchanged.",
    caller: "service",
    scopes: ["orders:pay"],
    parameters: ["Reference"],
    answers: [
      json(200, "The refunded payment.", "RecordedPayment", [
        "Refunded",
        { payment: { ...examples.unmatchedPayment, state: "refunded" } },
      ]),
    ],
    problems: ["frozen", "not_found", "not_refundable"],
  },
  {
    id: "receiveStripeEvent",
    method: "post",
    path: `${PATH}/stripe`,
    tag: "Payments",
    summary: "Receive an event of Stripe",
    description:
      "The endpoint for Stripe's webhooks. Records the payment of `payment_intent.succeeded`, `checkout.session.completed` (if paid) and `checkout.session.async_payment_succeeded` whose `metadata.lockstock_order` names an order; the id of the payment intent is the reference. Other events are answered with 200. 404 without `STRIPE_WEBHOOK_SECRET`; 400 for a wrong signature.",
    caller: "anyone",
    parameters: ["StripeSignature"],
    body: {
      ...body(
        "StripeNotice",
        {
          type: "payment_intent.succeeded",
          data: { object: { id: examples.newPayment.reference } },
        },
        "The event, as Stripe sends it.",
      ),
      maxBytes: MAX_NOTICE_BYTES,
    },
    answers: [
      json(
        200,
        "The payment that the event reports.",
        "NoticedPayment",
        ["A payment", { payment: examples.payment }],
        ["Not ours", { payment: null }],
      ),
    ],
    problems: ["frozen", "not_found", "unavailable"],
  },
];
