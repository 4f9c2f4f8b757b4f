import * as examples from "../examples.ts";
import { body, json, type Operation } from "../operation.ts";

const PATH = "/v1/operations";
const LETTERS = "/v1/dead-letters";

export const operatorOperations: Operation[] = [
  {
    id: "getOperations",
    method: "get",
    path: PATH,
    tag: "Operations",
    summary: "Read how the whole is doing",
    description:
      "Counts by status, what is unsettled, the time from placing to the outcome over the last 15 minutes, and the last 60 minutes one by one.",
    caller: "service",
    scopes: ["operations:read"],
    answers: [
      json(200, "The figures of now.", "Operations", ["A busy minute", examples.operations]),
    ],
  },
  {
    id: "listAllOrders",
    method: "get",
    path: `${PATH}/orders`,
    tag: "Operations",
    summary: "List the orders of all customers",
    description:
      "Newest first. With `status` a page may be short, or even empty, and not the last: go on while there is a `nextCursor`.",
    caller: "service",
    scopes: ["operations:read"],
    parameters: ["Status", "Limit", "Cursor"],
    answers: [json(200, "A page of orders.", "OrderPage", ["The last page", examples.orderPage])],
  },
  {
    id: "getHistory",
    method: "get",
    path: `${PATH}/orders/{id}/history`,
    tag: "Operations",
    summary: "Read an order's history",
    description: "Every transition of an order, oldest first.",
    caller: "service",
    scopes: ["operations:read"],
    parameters: ["OrderId"],
    answers: [json(200, "The transitions.", "History", ["Confirmed", examples.history])],
    problems: ["not_found"],
  },
  {
    id: "reconcile",
    method: "post",
    path: `${PATH}/reconcile`,
    tag: "Operations",
    summary: "Compare orders with their stock",
    description:
      "Holds a bounded part of the orders against the stock items and reports what differs, if it still differs at a second look. Go on with `nextCursor` until it is null. Repairing only has the orders looked at again; a lock without an order is reported and never touched.",
    caller: "service",
    scopes: ["operations:write"],
    body: body(
      "Reconcile",
      { repair: true },
      "`repair`: have the orders that differ looked at now. `cursor`: `nextCursor` of the part before. No body at all stands for `{}`.",
      false,
    ),
    answers: [
      json(200, "What differs in this part.", "Differences", ["One", examples.differences]),
    ],
    problems: ["unavailable"],
  },
  {
    id: "listDeadLetters",
    method: "get",
    path: LETTERS,
    tag: "Dead letters",
    summary: "List the dead letters",
    description: "Messages, or single events of them, that could not be processed. Oldest first.",
    caller: "service",
    scopes: ["operations:read"],
    parameters: ["Limit", "Cursor"],
    answers: [
      json(200, "A page of dead letters.", "DeadLetterPage", [
        "One that could not be read",
        { deadLetters: [examples.deadLetter], nextCursor: null },
      ]),
    ],
  },
  {
    id: "replayDeadLetter",
    method: "post",
    path: `${LETTERS}/{id}/replay`,
    tag: "Dead letters",
    summary: "Replay a dead letter",
    description:
      "An order event has its order looked at now (`reconciled`); anything else goes to the queue of its event type, else back to the queue that it came from (`resent`). Then the letter is dropped. Doing it again changes nothing extra. 400 when neither says where it belongs: the letter stays.",
    caller: "service",
    scopes: ["operations:write"],
    parameters: ["DeadLetterId"],
    answers: [
      json(200, "What was done.", "Replay", [
        "Back in its queue",
        { id: examples.deadLetter.id, outcome: "resent" },
      ]),
    ],
    problems: ["not_found", "invalid_request"],
  },
  {
    id: "discardDeadLetter",
    method: "delete",
    path: `${LETTERS}/{id}`,
    tag: "Dead letters",
    summary: "Discard a dead letter",
    description: "Drops it for good.",
    caller: "service",
    scopes: ["operations:write"],
    parameters: ["DeadLetterId"],
    answers: [{ status: 204, description: "It is gone." }],
    problems: ["not_found"],
  },
];
