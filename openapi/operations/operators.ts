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
    summary: "Read the dashboard",
    description:
      "Returns counts by status, unsettled orders, the time from placing to the outcome over the last 15 minutes, and figures for each of the last 60 minutes.",
    caller: "service",
    scopes: ["operations:read"],
    answers: [
      json(200, "The current figures.", "Operations", ["A busy minute", examples.operations]),
    ],
  },
  {
    id: "getMetrics",
    method: "get",
    path: "/metrics",
    tag: "Operations",
    summary: "Read the figures for Prometheus",
    description:
      "Returns the figures of the dashboard, sums since the first order, the backlog of the queues and the alerts by code, in the text format of Prometheus 0.0.4.",
    caller: "service",
    scopes: ["operations:read"],
    answers: [
      {
        status: 200,
        description: "The figures.",
        content: {
          type: "text/plain",
          example: "# TYPE lockstock_dead_letters gauge\nlockstock_dead_letters 0\n",
        },
      },
    ],
  },
  {
    id: "listAllOrders",
    method: "get",
    path: `${PATH}/orders`,
    tag: "Operations",
    summary: "List the orders of all customers",
    description:
      "Lists the newest orders first. The filters may be combined; an unknown one causes 400. A page with filters looks at 1,000 orders at most, so it may be short or even empty without being the last: `searchedTo` says how far back it looked. Continue while there is a `nextCursor`.",
    caller: "service",
    scopes: ["operations:read"],
    parameters: [
      "OrderSearch",
      "Status",
      "OfCustomer",
      "WithSku",
      "PlacedFrom",
      "PlacedTo",
      "Limit",
      "Cursor",
    ],
    answers: [
      json(
        200,
        "A page of orders.",
        "OrderSearchPage",
        ["The last page", { ...examples.orderPage, searchedTo: null }],
        ["Nothing so far", examples.emptySearchPage],
      ),
    ],
  },
  {
    id: "listAllItems",
    method: "get",
    path: `${PATH}/items`,
    tag: "Operations",
    summary: "List all items",
    description:
      "Lists every item with its level and sale, also drafts and archived ones. With `q` or `status`, a page may be short or even empty without being the last: continue while there is a `nextCursor`.",
    caller: "service",
    scopes: ["operations:read"],
    parameters: ["ItemSearch", "ItemStatus", "ItemSort", "OnSale", "Limit", "Cursor"],
    answers: [
      json(200, "A page of items.", "StockedItemPage", [
        "The last page",
        { items: [examples.stockedItem], nextCursor: null },
      ]),
    ],
  },
  {
    id: "eraseCustomer",
    method: "delete",
    path: "/v1/customers/{id}",
    tag: "Operations",
    summary: "Erase a customer",
    description:
      "Takes out what names the customer. Orders and locks get the customer id `erased_<uuid>`; metadata, idempotency keys and open feeds go. Numbers stay, also in the ledgers. Repeat the call after a 503. A token of the customer stays valid until it expires.",
    caller: "service",
    scopes: ["operations:write"],
    parameters: ["CustomerId"],
    answers: [{ status: 204, description: "Nothing names the customer any more." }],
    problems: ["frozen", "invalid_request", "unfinished_orders"],
  },
  {
    id: "getHistory",
    method: "get",
    path: `${PATH}/orders/{id}/history`,
    tag: "Operations",
    summary: "Read an order's history",
    description:
      "Returns every step of an order with who caused it, oldest first: its transitions, extensions and returns.",
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
      "Compares a bounded part of the orders with the stock items, and reports differences that a second comparison finds again. Continue with `nextCursor` until it is null. `repair` repeats the commands and returns of orders that differ, where that can mend the difference, and takes the units again that an item has lost, as far as they go: `repaired` says for which. A lock without an order is reported and never changed.",
    caller: "service",
    scopes: ["operations:write"],
    body: body(
      "Reconcile",
      { repair: true },
      "`repair`: reconcile the orders that differ, starting now. `cursor`: `nextCursor` of the previous part. An absent body means `{}`.",
      false,
    ),
    answers: [
      json(200, "The differences in this part.", "Differences", [
        "One difference",
        examples.differences,
      ]),
    ],
    problems: ["unavailable"],
  },
  {
    id: "freeze",
    method: "post",
    path: `${PATH}/freeze`,
    tag: "Operations",
    summary: "Freeze the service",
    description:
      "Orders, payments, cancellations and returns are 503 `frozen` from now on, and nothing ends by a deadline. Reads go on. Repeating the call changes nothing. A database that was put back to an earlier state freezes the service by itself.",
    caller: "service",
    scopes: ["operations:write"],
    answers: [json(200, "The service is frozen.", "Freezing", ["Frozen", examples.frozen])],
  },
  {
    id: "thaw",
    method: "post",
    path: `${PATH}/thaw`,
    tag: "Operations",
    summary: "Thaw the service",
    description:
      "Ends a freeze. No deadline ends an order in the first minutes after it: nobody could pay meanwhile.",
    caller: "service",
    scopes: ["operations:write"],
    body: body("Thaw", {}, "An absent body means `{}`.", false),
    answers: [json(200, "The service runs.", "Freezing", ["Running", { frozen: null }])],
    problems: ["recovery_needed"],
  },
  {
    id: "recover",
    method: "post",
    path: `${PATH}/recover`,
    tag: "Operations",
    summary: "Recover a restored database",
    description:
      "Rebuilds what a restored database has lost from what the items have decided: orders with their lines, prices, customers and idempotency keys, what became of unfinished ones, and the names that took the place of erased customers. One bounded part; continue with `nextCursor` until it is null. Without `apply` it only tells. Safe to repeat, also after it died half way.",
    caller: "service",
    scopes: ["operations:write"],
    body: body("Recover", { apply: true }, "An absent body means `{}`.", false),
    answers: [json(200, "What was recovered.", "Recovery", ["One paid order", examples.recovery])],
    problems: ["not_frozen", "recovery_waits", "recovery_reset", "frozen", "unavailable"],
    headers: { "Retry-After": { sometimes: [409] } },
  },
  {
    id: "settleOrphan",
    method: "post",
    path: `${PATH}/orphans`,
    tag: "Operations",
    summary: "Settle a lock without an order",
    description:
      "Releases the units of a lock whose order nobody knows, or rebuilds the order from its items. The comparison lists such locks as `orphan_lock`, and never changes them.",
    caller: "service",
    scopes: ["operations:write"],
    body: body(
      "Orphan",
      {
        sku: examples.stockedItem.sku,
        orderId: examples.settledOrphan.orderId,
        action: "adopt",
      },
      "The lock, and what is to be done.",
    ),
    answers: [json(200, "It is settled.", "SettledOrphan", ["Adopted", examples.settledOrphan])],
    problems: ["not_an_orphan", "frozen", "unavailable"],
  },
  {
    id: "listDeadLetters",
    method: "get",
    path: LETTERS,
    tag: "Dead letters",
    summary: "List the dead letters",
    description:
      "Lists messages, or single events of them, that could not be processed. Oldest first.",
    caller: "service",
    scopes: ["operations:read"],
    parameters: ["Limit", "Cursor"],
    answers: [
      json(200, "A page of dead letters.", "DeadLetterPage", [
        "A message that could not be decoded",
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
      "For an order event, the service reconciles the order now (`reconciled`). Any other message goes to the queue of its event type or, if the type is unknown, back to the queue that it came from (`resent`). The dead letter is then deleted. A repeated replay has no further effect. 400 means that no queue could be determined; the dead letter stays.",
    caller: "service",
    scopes: ["operations:write"],
    parameters: ["DeadLetterId"],
    answers: [
      json(200, "The result of the replay.", "Replay", [
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
    description: "Deletes a dead letter for good.",
    caller: "service",
    scopes: ["operations:write"],
    parameters: ["DeadLetterId"],
    answers: [{ status: 204, description: "The dead letter is deleted." }],
    problems: ["not_found"],
  },
];
