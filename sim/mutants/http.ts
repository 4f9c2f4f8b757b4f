import type { Mutant } from "./mutant.ts";

/** Deliberate bugs of the door, and of what callers are told. */
export const HTTP_MUTANTS: readonly Mutant[] = [
  {
    name: "a limiter that fails stops its callers",
    file: "src/orders/http/rate-limit.ts",
    from: "{ error: errorText(error) });\n    return;",
    to: "{ error: errorText(error) });\n    throw error;",
  },
  {
    name: "a limiter that hangs is waited for",
    file: "src/orders/http/rate-limit.ts",
    from: "const LIMITER_TIMEOUT_MS = 1_000;",
    to: "const LIMITER_TIMEOUT_MS = 3_600_000;",
  },
  {
    name: "the limiter is asked when the order is placed already",
    file: "src/orders/http/rate-limit.ts",
    from: "  if (!isService(caller)) await enforce(c.env, c.env.RATE_ORDERS, caller.sub);\n  await next();",
    to: "  await next();\n  if (!isService(caller)) await enforce(c.env, c.env.RATE_ORDERS, caller.sub);",
  },
  {
    name: "all customers share one limit",
    file: "src/orders/http/rate-limit.ts",
    from: "await enforce(c.env, c.env.RATE_ORDERS, caller.sub);",
    to: "await enforce(c.env, c.env.RATE_ORDERS, caller.sub && 'all');",
  },
  {
    name: "placing is not limited",
    file: "src/orders/http/orders.ts",
    from: '    requireCustomerOrScopes("orders:create"),\n    orderLimit,\n    placementLimit.holdSlot,',
    to: '    requireCustomerOrScopes("orders:create"),\n    placementLimit.holdSlot,',
  },
  {
    name: "guests are not limited",
    file: "src/orders/http/guests.ts",
    from: "    await limitGuest(c);\n",
    to: "",
  },
  {
    name: "a refusal by the limit does not say when to come back",
    file: "src/orders/http/rate-limit.ts",
    from: '    headers: { "Retry-After": PERIOD_SECONDS },\n',
    to: "",
  },
  {
    name: "a replay is not said to be one",
    file: "src/orders/http/orders.ts",
    from: '      c.header("Idempotency-Replayed", "true");\n',
    to: "",
  },
  {
    name: "keys are not held to visible ASCII",
    file: "src/orders/http/idempotency-key.ts",
    from: String.raw`const KEY = /^(?:[!#-~][!-~]*|"(?:[!#-[\]-~]|\\["\\])+")$/;`,
    to: "const KEY = /^.+$/;",
  },
  {
    name: "the same SKU in two lines counts once",
    file: "src/orders/http/order-body.ts",
    from: "bySku.set(sku, (bySku.get(sku) ?? 0) + quantity);",
    to: "bySku.set(sku, quantity);",
  },
  {
    name: "an order costs one unit of each line",
    file: "src/orders/place/placement.sql.ts",
    from: "sum(i.price_amount * (l.value->>'quantity')) AS total",
    to: "sum(i.price_amount) AS total",
  },
  {
    name: "orders are listed oldest first",
    file: "src/orders/order/order-list.sql.ts",
    from: "ORDER BY id DESC LIMIT ?3`",
    to: "ORDER BY id LIMIT ?3`",
  },
  {
    name: "whoever is over the limit is told that all is sold",
    file: "src/orders/order/order.ts",
    from: 'if (reasons.has("out_of_stock") || reasons.size === 0) return "out_of_stock";',
    to: 'if (reasons.size < 9) return "out_of_stock";',
  },
  {
    name: "a refusal does not say which items",
    file: "src/orders/outcomes/settle.ts",
    from: "return { id, shortages, reason: refusalReason(shortages) };",
    to: "return { id, shortages: [], reason: refusalReason(shortages) };",
  },
  {
    name: "the limit per customer does not travel with the line",
    file: "src/orders/order/order.ts",
    from: "limitPerCustomer === null ? { sku, quantity } :",
    to: "limitPerCustomer !== 0 ? { sku, quantity } :",
  },
  {
    name: "an order given up at its deadline awaits no release",
    file: "src/orders/order/order.ts",
    from: 'reason: "lock_timeout", awaits: "release" }',
    to: 'reason: "lock_timeout", awaits: null as "release" | null }',
  },
  {
    name: "an order that expires awaits no release",
    file: "src/orders/order/order.ts",
    from: 'reason: "payment_timeout", awaits: "release" }',
    to: 'reason: "payment_timeout", awaits: null as "release" | null }',
  },
  {
    name: "the time to pay is a second short",
    file: "src/orders/order/order.ts",
    from: "now_ms + paymentWindow_ms;",
    to: "now_ms + paymentWindow_ms - 1_000;",
  },
  {
    name: "a level keeps its version when units move",
    file: "src/stock/item/apply-commands.ts",
    from: "before.levelVersion + (isChanged ? 1 : 0)",
    to: "before.levelVersion + (isChanged ? 0 : 0)",
  },
  {
    name: "what has failed ten times is dropped without a letter",
    file: "src/runtime/queue-consumer.ts",
    from: "(isLastAttempt ? failed : []).map(",
    to: "(isLastAttempt ? failed.slice(0, 0) : []).map(",
  },
  {
    name: "a shortage that only a release brought to light is lost",
    file: "src/stock/coordinator.ts",
    from: 'for (const type of ["lock", "release"] as const) {',
    to: 'for (const type of ["lock"] as const) {',
  },
  {
    name: "units that are paid for no longer count for the limit",
    file: "src/stock/item/apply-commands.ts",
    from: 'if (kind === "commit" || customerId === null',
    to: "if (customerId === null",
  },
  {
    name: "units from before the first limit are not counted",
    file: "src/stock/item/apply-commands.ts",
    from: "      store.customers.count();\n",
    to: "",
  },
  {
    name: "what ended while a page was away is not in its snapshot",
    file: "src/orders/feed/presence.sql.ts",
    from: "OR updated_at >= ?2\n         ORDER BY id DESC",
    to: "OR updated_at >= ?2 + 86400000\n         ORDER BY id DESC",
  },
];
