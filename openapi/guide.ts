import { MAX_LINES, MAX_QUANTITY } from "../src/contract/limits.ts";
import { MAX_WAIT_SECONDS } from "../src/orders/http/prefer.ts";
import { OPERATOR, SCOPES } from "../src/orders/http/scopes.ts";
import { MAX_BODY_BYTES } from "../src/orders/http/validation.ts";

/** The words around the operations. Markdown, of which the page knows what is used here. */

export const TAGS = {
  Orders: "Place an order, hear what became of it, cancel it.",
  Feed: "The outcome without asking: one WebSocket tells a customer of every change.",
  Catalogue: "What can be ordered.",
  Stock: "Units of an item, and the ledger of every movement. For services.",
  Operations: "How the whole is doing, and what is wrong. For services.",
  "Dead letters": "Messages that could not be processed. For services.",
  Service: "Tokens for guests, liveness, and this contract.",
} as const;

export type Tag = keyof typeof TAGS;

const SCOPE_LIST = Object.entries(SCOPES)
  .map(([scope, allows]) => `- \`${scope}\`: ${allows}`)
  .join("\n");

export const INTRODUCTION = `
Orders that never oversell. A shop posts an order; it is written down at once, its stock is locked a
moment later, and the buyer hears the outcome.

## Conventions

- Bodies are JSON, at most ${MAX_BODY_BYTES / 1024} KB. An order has at most ${MAX_LINES} lines of 1 to ${MAX_QUANTITY} units; lines for one SKU are merged first.
- Bodies are UTF-8 and not compressed: with a \`Content-Encoding\` other than \`identity\` the answer is 415.
- Times are sent as RFC 3339 has it (ISO 8601 with date, seconds and zone: \`2026-12-01T18:00:00Z\`, \`2026-12-01T19:00:00.5+01:00\`) and answered in UTC with milliseconds. A day that does not exist, hour 24 and second 60 are 400.
- Order ids are taken in either case of letters; SKUs are case sensitive.
- A query parameter that comes twice is 400.
- Money is an integer in minor units of its currency (ISO 4217).
- Lists are pages: \`?limit=\` says how long, and \`nextCursor\` is the \`?cursor=\` of the next one; null at the end.
- Every \`GET\` answers \`HEAD\` too. Another method that a path does not have is 405 with \`Allow\`.
- Clients ignore members and event types that they do not know: more may come. The API does not: a member of a body that it does not know is 400, and named.

## Authentication

\`Authorization: Bearer <token>\`, a JWT. \`sub\` is the caller, \`exp\` is required, and \`scope\`
(space separated) holds its rights. A token without any of these scopes is a customer's; one with at
least one is a service's; other words are ignored.

${SCOPE_LIST}
- \`${OPERATOR}\`: all of them

Each call says which it needs; without it the answer is 403 and names the scope. A service may also
read and cancel orders of its own \`sub\`. With \`orders:create\` it places orders for any customer, by
\`customerId\`. Clocks may differ by 30 s. Services are not rate limited.

503 on a call with a token says that it could not be verified now: keep it and repeat after
\`Retry-After\`. Only 401 means that it is not good. Anyone can have a guest's token:

\`\`\`sh
curl -X POST https://shop.example/v1/guests
\`\`\`

Another customer's order is 404, exactly like one that does not exist.

## An order's life

\`pending\` (accepted, stock not decided) becomes \`confirmed\` (every line is locked) or \`cancelled\`;
\`confirmed\` becomes \`paid\` or \`cancelled\`; nothing else. \`reason\` says why an order was cancelled.
\`revision\` grows by one with each change: ignore an order whose revision is lower than the one you know.

## Waiting for the outcome

Without a \`Prefer\` header an order is answered at once: 202, \`Location\`, and the order as \`pending\`.
Its outcome comes a moment later, by the feed or by asking for the order.

With \`Prefer: wait=N\` (RFC 7240) the answer is the outcome, if it comes within N seconds,
${MAX_WAIT_SECONDS} at most; \`Preference-Applied\` says how long was really meant.

- 201 and the order: it is confirmed.
- 409 \`out_of_stock\` or \`limit_exceeded\`, with the cancelled \`order\` and \`shortages\`.
- 202 and the order: not decided in time, nothing is lost. It goes on by itself.
- 200 and the order: it ended otherwise, for instance because it was cancelled meanwhile.

\`\`\`sh
curl -i https://shop.example/v1/orders \\
  -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" \\
  -H "Idempotency-Key: 5f0c2a1e-basket-42" \\
  -H "Prefer: wait=5" \\
  -d '{"lines": [{"sku": "TICKET-NIGHTFALL", "quantity": 2}]}'
\`\`\`

\`GET /v1/orders/{id}\` takes \`Prefer: wait=N\` too, and waits while the order is \`pending\`.

## Repeating safely

A request whose answer got lost has to be repeated, and must not order twice. Send an
\`Idempotency-Key\` (1 to 255 characters of visible ASCII; a UUID is good) with each order that is meant, and the same
key with each repeat.

- Same key, same order (lines are compared after merging; \`Prefer\` plays no part): the order as it stands, with \`Idempotency-Replayed: true\`. 202 while it is pending, else 200; with \`Prefer: wait=N\` as above.
- Same key, another order: 422 \`idempotency_key_reused\`.
- The key comes before everything else: a repeat gets its order even if the item is sold out since, or its sale is over.
- A refusal at the door (a problem without \`order\`) binds no key: the same key may be used again.
- After 503 or no answer at all, repeat with the same key. A key is kept for at least 24 hours. It belongs to the caller's \`sub\`: two services do not share one, and a service's key with another \`customerId\` is another order.

## The feed protocol

\`GET /v1/feed\` is a WebSocket. The token comes in the \`Authorization\` header or, from a browser, as
a second subprotocol beside \`lockstock.v1\`; only \`lockstock.v1\` is echoed.

\`\`\`js
const url = "wss://shop.example/v1/feed?since=" + encodeURIComponent(lastUpdatedAt);
const socket = new WebSocket(url, ["lockstock.v1", "bearer." + token]);
\`\`\`

- First comes \`{"type": "snapshot", "orders": [...], "truncated": false}\`: all unfinished orders and, with \`since\`, those updated since 60 s before it. \`truncated\`: there may be more, ask \`GET /v1/orders\`.
- Then \`{"type": "order", "order": {...}}\` for each change, never before it is durable. A change may be told twice or out of order: ignore lower revisions.
- Send the text \`ping\` to hear \`pong\`; it costs us nothing.
- Close 4401: the token is missing, bad, or has run out. Get a new one. A browser cannot read the status of a failed upgrade, so the socket is accepted and then closed.
- Close 1013: too many sockets of one customer. Close 1011, or any other: come back after a moment, with \`since\` set to the newest \`updatedAt\` you know.
- A push that is lost is made up for: while the socket is open and an order unfinished, the feed rereads its orders after 5 s, 15 s, and then each minute.

## Errors

Errors are \`application/problem+json\` (RFC 9457): \`type\`, \`title\`, \`status\`, \`detail\`, and a
stable \`code\` to decide by. \`type\` leads to the code's entry on this page. \`requestId\`, also in the
header \`X-Request-Id\`, names the request in our logs.
`.trim();
