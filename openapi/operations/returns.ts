import * as examples from "../examples.ts";
import { body, json, type Operation } from "../operation.ts";

const PATH = "/v1/orders/{id}/returns";
const VARY = { Vary: { always: [200, 401, 403, 404], sometimes: [500, 503] } };

export const returnOperations: Operation[] = [
  {
    id: "createReturn",
    method: "post",
    path: PATH,
    tag: "Returns",
    summary: "Return units of an order",
    description:
      "Records that units of a paid order came back: several times, but never more than were sold. The units are booked at their items a moment later, and no longer count towards the limit per customer. The order's status is `returned` once all units are back. Refund the buyer at your payment provider.",
    caller: "service",
    scopes: ["orders:pay"],
    parameters: ["OrderId", "RequiredIdempotencyKey"],
    body: body(
      "NewReturn",
      examples.newReturn,
      "What came back, and whether it can be sold again.",
    ),
    answers: [
      json(201, "The return is recorded.", "RecordedReturn", [
        "One of two tickets",
        examples.recordedReturn,
      ]),
      json(200, "It was recorded before.", "RecordedReturn", ["A repeat", examples.recordedReturn]),
    ],
    problems: [
      "frozen",
      "not_found",
      "not_returnable",
      "return_exceeds_sold",
      "idempotency_key_required",
      "idempotency_key_reused",
    ],
    headers: {
      "Idempotency-Replayed": { always: [200] },
      Vary: {
        always: [200, 201, 400, 401, 403, 404, 409, 413, 415, 422],
        sometimes: [500, 503],
      },
    },
  },
  {
    id: "listReturns",
    method: "get",
    path: PATH,
    tag: "Returns",
    summary: "List the returns of an order",
    description: "Lists all returns of an order, oldest first.",
    caller: "service",
    scopes: ["orders:pay", "orders:read"],
    parameters: ["OrderId"],
    answers: [json(200, "The returns.", "Returns", ["One return", examples.returnList])],
    problems: ["not_found"],
    headers: VARY,
  },
];
