import { MAX_LINES, MAX_QUANTITY } from "../src/contract/limits.ts";
import { MAX_WAIT_SECONDS } from "../src/orders/http/prefer.ts";
import { OPERATOR, SCOPES } from "../src/orders/http/scopes.ts";
import { MAX_BODY_BYTES } from "../src/orders/http/validation.ts";

/** The API's introduction, in the subset of Markdown that markdown.ts renders. */

export const TAGS = {
  Orders: "Place an order, read its outcome, cancel it.",
  Payments: "Money that arrives: late, twice, for the wrong amount. For services.",
  Returns: "Goods that come back. For services.",
  Feed: "One WebSocket that notifies a customer of every change, so clients need not poll.",
  Changes: "Everything that happens, in the order of commits. For services.",
  Webhooks: "Your endpoints, which are told what happens. For services.",
  Catalogue: "The items that can be ordered.",
  Stock: "Units of an item, and the ledger of every movement. For services.",
  Operations: "The state of the system, and what is wrong with it. For services.",
  "Dead letters": "Messages that could not be processed. For services.",
  Service: "Tokens for guests, liveness, and this contract.",
} as const;

export type Tag = keyof typeof TAGS;

const SCOPE_LIST = Object.entries(SCOPES)
  .map(([scope, allows]) => `- \`${scope}\`: ${allows}`)
  .join("\n");

export const INTRODUCTION = `
Lockstock takes orders and never oversells. A shop posts an order, and the service stores it at once.
A moment later the service locks the stock and notifies the buyer of the outcome.

## Conventions

- Bodies are JSON, at most ${MAX_BODY_BYTES / 1024} KB. An order has at most ${MAX_LINES} lines of 1 to ${MAX_QUANTITY} units; lines of the same SKU are merged first.
- Bodies are UTF-8 and not compressed. A \`Content-Encoding\` other than \`identity\` causes 415.
- Send times in the format of RFC 3339 (ISO 8601 with date, seconds and zone: \`2026-12-01T18:00:00Z\`, \`2026-12-01T19:00:00.5+01:00\`). Responses have them in UTC with milliseconds. A day that does not exist, hour 24 and second 60 cause 400.
- Order ids are accepted in upper and lower case. SKUs are case sensitive.
- A repeated query parameter causes 400.
- Money is an integer in minor units of its currency (ISO 4217).
- Lists are paginated. \`?limit=\` sets the length of a page, and \`nextCursor\` is the \`?cursor=\` of the next page; null on the last page.
- Every path with \`GET\` also has \`HEAD\`. A method that a path does not have causes 405 with \`Allow\`.
- Clients must ignore unknown members and event types, since later versions may add some. The API rejects an unknown member of a request body with 400 and names it.

## Authentication

Send \`Authorization: Bearer <token>\` with a JWT. \`sub\` names the caller, \`exp\` is required, and
\`scope\` (space separated) lists the caller's rights. A token with at least one of these scopes belongs
to a service, any other token to a customer. Unknown scopes are ignored.

${SCOPE_LIST}
- \`${OPERATOR}\`: all of these

Each operation lists the scopes that it accepts. Without one of them the response is 403 and names the
scope. A service may also read and cancel orders of its own \`sub\`. With \`orders:create\` it places
orders for any customer, by \`customerId\`, and sets what they owe, by \`amountDue\`. Clocks may differ by 30 s. Services are not rate limited.

401 means that the token is not valid. 503 can mean that the token could not be verified now: keep the
token and repeat the call after \`Retry-After\`. Anyone can get a guest's token:

\`\`\`sh
curl -X POST https://shop.example/v1/guests
\`\`\`

A deployment may require that a new guest passes Cloudflare's Turnstile: \`turnstile\` of \`GET /v1/config\`
then says what to render the widget with, and the call needs \`{"turnstileToken": "…"}\`.

Another customer's order causes 404, exactly as an order that does not exist does.

## An order's life

A \`pending\` order (accepted, stock not decided) becomes \`confirmed\` (every line is locked) or
\`cancelled\`. A \`confirmed\` order becomes \`paid\` or \`cancelled\`. There are no other transitions.
A paid order is shown as \`returned\` once all its units came back. A confirmed order that is not paid by
\`payBy\` is cancelled; an order with an \`amountDue\` of 0 needs no payment. How long that is, the
deployment says, or the order's items (\`paymentWindowSeconds\`): the least of them, as they were when
the order was placed.
\`reason\` says why an order was cancelled. \`revision\` increases by one with each change: ignore an order
whose revision is lower than the one you know.

## Waiting for the outcome

Without a \`Prefer\` header the response comes at once: 202, \`Location\`, and the order as \`pending\`.
The outcome follows a moment later: the feed sends it, and reading the order returns it.

With \`Prefer: wait=N\` (RFC 7240) the response is the outcome, if there is one within N seconds, at most
${MAX_WAIT_SECONDS}. \`Preference-Applied\` gives the wait that was used.

- 201 and the order: the order is confirmed.
- 409 \`out_of_stock\`, \`limit_exceeded\` or \`paused\`, with the cancelled \`order\` and \`shortages\`.
- 202 and the order: the order is not decided yet. Nothing is lost, and processing continues.
- 200 and the order: the order ended in another way, for instance because it was cancelled in the meantime.

\`\`\`sh
curl -i https://shop.example/v1/orders \\
  -H "Authorization: Bearer $TOKEN" \\
  -H "Content-Type: application/json" \\
  -H "Idempotency-Key: 5f0c2a1e-basket-42" \\
  -H "Prefer: wait=5" \\
  -d '{"lines": [{"sku": "TICKET-NIGHTFALL", "quantity": 2}]}'
\`\`\`

\`GET /v1/orders/{id}\` also accepts \`Prefer: wait=N\` and waits while the order is \`pending\`.

## Repeating safely

When a response is lost, the client has to repeat the request without ordering twice. Send a new
\`Idempotency-Key\` (1 to 255 characters of visible ASCII, for instance a UUID) with each new order, and the
same key with each repeat.

- Same key, same order (customer, lines after merging, \`amountDue\` and \`metadata\` are compared; \`expect\` and \`Prefer\` are not): the response is the current order, with \`Idempotency-Replayed: true\`. The status is 202 while the order is pending, else 200; with \`Prefer: wait=N\` as above.
- Same key, another order: 422 \`idempotency_key_reused\`.
- The key is checked before everything else: a repeat returns its order even if the item has sold out or its sale has closed since.
- A refusal at admission (a problem without \`order\`) does not use up the key: you may send the same key again.
- After 503 or no response at all, repeat with the same key. A key is kept for at least 24 hours. It belongs to the caller's \`sub\`: two services do not share keys, and a service's key with another \`customerId\` counts as another order.

## The feed protocol

\`GET /v1/feed\` opens a WebSocket. Send the token in the \`Authorization\` header. A browser cannot set
headers: it gets a ticket and sends that as a second subprotocol beside \`lockstock.v1\`. The response
names only \`lockstock.v1\`.

\`\`\`js
const headers = { Authorization: "Bearer " + token };
const answer = await fetch("https://shop.example/v1/feed/tickets", { method: "POST", headers });
const { ticket } = await answer.json();
const url = "wss://shop.example/v1/feed?since=" + encodeURIComponent(lastUpdatedAt);
const socket = new WebSocket(url, ["lockstock.v1", "bearer." + ticket]);
\`\`\`

A ticket counts once and for a minute; get one for each socket. The token itself is accepted in its
place (\`"bearer." + token\`), but logs and traces that redact \`Authorization\` may show it there.

Pages of other origins may open the feed only if the service lists their \`Origin\` in \`CORS_ORIGINS\`;
others get 403.

- The first message is \`{"type": "snapshot", "orders": [...], "truncated": false}\`: all unfinished orders and, with \`since\`, those updated since 60 s before that time. \`truncated\`: there may be more orders, which \`GET /v1/orders\` returns. A snapshot has at most 200 orders and 256 KB.
- Each change then causes a message \`{"type": "order", "order": {...}}\`, after the change is durable. Messages may be repeated or out of order: ignore lower revisions.
- Send the text \`ping\` after the snapshot, every 20 s, and whenever you have read 50 kB; the server answers \`pong\`. It checks the connection, and tells the server that you read: a socket that was sent more than 256 KB since the last \`ping\` (or any other message) is closed with 1013.
- A customer has at most 8 sockets. When there are 8, a new one ends the one that has sent no \`ping\` (or any other message) for the longest time, with 1013, if that is more than two minutes; otherwise the new one is closed with 1013.
- Close code 4401: the token or ticket is missing, not valid, or expired. Get a new one. A browser cannot read the status of a failed upgrade, so the server accepts the socket and then closes it.
- Close code 1013: the customer has 8 sockets open, opens more than 30 a minute, reads too slowly, or does not ping. Wait a quarter of a minute. Close code 1012: the socket has carried 1 MB. Close code 1011, 1012, or any other: reconnect after a moment, with \`since\` set to the newest \`updatedAt\` you know.
- The feed recovers lost messages: while the socket is open and an order is unfinished, it rereads the orders after 5 s, 15 s, and then every minute.

## Money

Report every payment with \`POST /v1/payments\`, as often and in whatever order your provider tells you:
its \`reference\` counts once. A payment is recorded whatever the order, and its \`state\` says what became of it.

- \`applied\`: the order is paid by it.
- \`waiting\`: the order is still pending, or was placed again because the payment came after its expiry (\`successorId\`). The payment is applied in the transaction that confirms the order, and becomes \`unmatched\` in the one that ends it.
- \`unmatched\`: refund it, and say so with \`POST /v1/payments/{reference}/refunded\`. \`why\` is \`unknown_order\`, \`amount\`, \`already_paid\` or \`ended\`.
- \`refunded\`: you did.

An order has at most one applied payment. \`GET /v1/payments?state=unmatched\` lists what you owe.

## Changing an item

An item's \`ETag\` is \`"<revision>.<version of its level>"\`. Send it as \`If-Match\` with \`PUT\`, \`PATCH\` or
\`DELETE\`: if somebody else has changed the item since you read it, the response is 412 with the item as
it is now, and nothing is written. Sales change the level only, which is not compared.

## Errors

Errors are \`application/problem+json\` (RFC 9457): \`type\`, \`title\`, \`status\`, \`detail\`, and a
stable \`code\` for programs to check. \`type\` links to the code's entry on this page. \`requestId\`, also in
the header \`X-Request-Id\`, identifies the request in the service's logs.
`.trim();
