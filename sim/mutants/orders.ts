import type { Mutant } from "./mutant.ts";

/** Deliberate bugs of the orders Worker. */
export const ORDERS_MUTANTS: readonly Mutant[] = [
  {
    name: "a transition does not look at the status",
    file: "src/orders/order/orders.sql.ts",
    from: "WHERE orders.id = e.id AND orders.status IN (${statuses}) ${alsoIf}",
    to: "WHERE orders.id = e.id ${alsoIf}",
  },
  {
    name: "the revision is not raised",
    file: "src/orders/order/orders.sql.ts",
    from: "revision = revision + 1, updated_at",
    to: "revision = revision, updated_at",
  },
  {
    name: "expiry ignores payment",
    file: "src/orders/order/orders.sql.ts",
    from: 'name === "expire" ? `${isUnpaid} ${condition}` : condition;',
    to: 'name === "expire" ? "OR orders.id = e.id AND orders.status = \'paid\'" : condition;',
    also: [
      {
        from: "countTransition(db, name, ids, now_ms, alsoIf)",
        to: "countTransition(db, name, ids, now_ms, '')",
      },
    ],
  },
  {
    name: "an order is never looked at when its time to pay is over",
    file: "src/orders/order/order.ts",
    from: 'return name === "confirm" ? payBy_ms : null;',
    to: "return name === 'confirm' ? null : payBy_ms && null;",
  },
  {
    name: "an order does not ask its items for their payment windows",
    file: "src/orders/place/placement.sql.ts",
    from: '${leastWindow("?4")} AS payment_window_ms,',
    to: "iif(?4 < 0, 0, NULL) AS payment_window_ms,",
  },
  {
    name: "of several payment windows the longest counts",
    file: "src/orders/order/payment-window.sql.ts",
    from: "coalesce(min(nullif(coalesce(i.payment_window_ms,",
    to: "coalesce(max(nullif(coalesce(i.payment_window_ms,",
  },
  {
    name: "an order that may be paid for ever gets the window of the deployment",
    file: "src/orders/order/payment-window.sql.ts",
    from: "OR payment_window_ms = 0, NULL,\n     coalesce(?2 + payment_window_ms,",
    to: "OR payment_window_ms = -1, NULL,\n     coalesce(?2 + nullif(payment_window_ms, 0),",
  },
  {
    name: "a successor does not ask its items for their payment windows",
    file: "src/orders/order/orders.sql.ts",
    from: '(SELECT ${leastWindow("?5")} FROM json_each',
    to: "(SELECT NULL + ?5 FROM json_each",
  },
  {
    name: "a cancelled order awaits no release",
    file: "src/orders/order/order.ts",
    from: 'reason: "customer_request",\n    awaits: "release",',
    to: 'reason: "customer_request",\n    awaits: null as "release" | null,',
  },
  {
    name: "a paid order awaits no commit",
    file: "src/orders/order/order.ts",
    from: 'pay: { from: ["confirmed"], to: "paid", reason: null, awaits: "commit" },',
    to: 'pay: { from: ["confirmed"], to: "paid", reason: null, awaits: null as "commit" | null },',
  },
  {
    name: "a pending order may be paid",
    file: "src/orders/order/order.ts",
    from: 'pay: { from: ["confirmed"],',
    to: 'pay: { from: ["pending", "confirmed"],',
  },
  {
    name: "reconcile skips cancelled orders",
    file: "src/orders/order/orders.sql.ts",
    from: "(SELECT id FROM orders WHERE due_at <= ?1 AND",
    to: "(SELECT id FROM orders WHERE due_at <= ?1 AND status <> 'cancelled' AND",
  },
  {
    name: "reconcile skips pending orders",
    file: "src/orders/order/orders.sql.ts",
    from: "(SELECT id FROM orders WHERE due_at <= ?1 AND",
    to: "(SELECT id FROM orders WHERE due_at <= ?1 AND status <> 'pending' AND",
  },
  {
    name: "a claim that dies leaves its orders for ever",
    file: "src/orders/order/orders.sql.ts",
    from: "?1 + min(60000, 5000 << min(attempts, 4)) * ?3",
    to: "?1 + 86400000 * ?3",
  },
  {
    name: "the alarm is not set again after a pass, and the cron forgets to poke",
    file: "src/orders/reconcile/reconciler.ts",
    from: "    await this.#pass();\n    if (this.#heartbeat.frozen === null) await this.#housekeeping();",
    to: "    await this.#housekeeping();",
    also: [
      { from: "if (this.#heartbeat.frozen === null) await this.#rearm(soonest_ms);\n", to: "" },
    ],
  },
  {
    name: "a key is shared by all customers",
    file: "src/orders/place/placement.sql.ts",
    from: "WHERE k.customer_id = ${KEY_OWNER} AND k.key = c.value->>'key')",
    to: "WHERE k.key = c.value->>'key')",
    also: [
      {
        from: "ON k.customer_id = ${KEY_OWNER} AND k.key = c.value->>'key'",
        to: "ON k.key = c.value->>'key'",
      },
    ],
  },
  {
    name: "a refusal at the door binds the key",
    file: "src/orders/order/idempotency-keys.sql.ts",
    from: " AND EXISTS (SELECT 1 FROM orders WHERE id = c.value->>'id')\n       ON CONFLICT (customer_id",
    to: "\n  ON CONFLICT (customer_id",
  },
  {
    name: "a key whose order was pruned stays taken",
    file: "src/orders/place/placement.sql.ts",
    from: " JOIN orders AS kept ON kept.id = k.order_id",
    to: "",
  },
  {
    name: "a key whose order was pruned is not taken over",
    file: "src/orders/order/idempotency-keys.sql.ts",
    from: "created_at = excluded.created_at\n         WHERE NOT EXISTS (SELECT 1 FROM orders WHERE id = idempotency_keys.order_id)",
    to: "created_at = excluded.created_at\n         WHERE 0",
  },
  {
    name: "a sold lock of a pruned order is an orphan",
    file: "src/orders/operators/difference.ts",
    from: "  if (isPruned) return null;\n",
    to: "  void isPruned;\n",
  },
  {
    name: "housekeeping takes orders that are not finished",
    file: "src/orders/order/orders.sql.ts",
    from: "AS o WHERE status IN ('paid', 'cancelled') AND awaits IS NULL",
    to: "AS o WHERE awaits IS NULL",
  },
  {
    name: "keys are not bound",
    file: "src/orders/place/placement.sql.ts",
    from: "    bindKeys(db, json, now_ms),\n",
    to: "    db.prepare('SELECT 1'),\n",
  },
  {
    name: "a key answers with its order, whatever the cart",
    file: "src/orders/place/placement.sql.ts",
    from: "if (!isSameOrder(candidate, order)) return",
    to: "if (!isSameOrder(candidate, order) && order.lines.length === 0) return",
  },
  {
    name: "two orders with one key share a batch",
    file: "src/orders/place/group-commit.ts",
    from: "(owner !== null && keys.has(owner))",
    to: "(owner !== null && keys.has(owner) && isFull)",
  },
  {
    name: "a direct commit takes a new order id",
    file: "src/orders/place/place-order.ts",
    from: "const work = placeDirectly(env, candidate).finally",
    to: "const work = placeDirectly(env, { ...candidate, id: candidate.id.slice(0, -4) + 'abcd' }).finally",
  },
  {
    name: "an order is accepted before it is durable",
    file: "src/orders/http/orders.ts",
    from: 'case "failed":\n      if (placement.why === "frozen") throw new FrozenError();\n      throw',
    to: 'case "failed":\n      return c.json({ id: newOrderId(Date.now()), revision: 1, status: "pending", customerId: c.get("caller").customerId, lines: [] }, 202);\n      throw',
  },
  {
    name: "the gate trusts old levels",
    file: "src/orders/place/placement.sql.ts",
    from: "const IS_TRUSTED = `(i.level_at + max(i.level_trust,",
    to: "const IS_TRUSTED = `(i.level_at + 90000000 + max(i.level_trust,",
  },
  {
    name: "the gate refuses what is exactly there",
    file: "src/orders/place/placement.sql.ts",
    from: "const IS_SHORT = `(?3 AND i.available < l.value",
    to: "const IS_SHORT = `(?3 AND i.available <= l.value",
  },
  {
    name: "the gate grants: a short order is confirmed at the door",
    file: "src/orders/order/orders.sql.ts",
    from: "SELECT id, customer_id, 'pending', lines, total, currency, 1, ?2, ?2, 'lock', ?5,",
    to: "SELECT id, customer_id, 'confirmed', lines, total, currency, 1, ?2, ?2, NULL, ?5,",
  },
  {
    name: "a sale is open before it starts",
    file: "src/orders/place/placement.sql.ts",
    from: "WHEN max(i.sale_starts_at) > ?2 OR min(i.sale_ends_at) <= ?2 THEN",
    to: "WHEN min(i.sale_ends_at) <= ?2 THEN",
  },
  {
    name: "an older level is written over a newer one",
    file: "src/orders/items/items.sql.ts",
    from: "WHERE items.sku = l.sku AND (NOT ${IS_FORKED} OR ${IS_BEHIND})",
    to: "WHERE items.sku = l.sku",
  },
  {
    name: "levels are not reread",
    file: "src/orders/reconcile/refresh-levels.ts",
    from: "if (changed.length > 0) await storeLevels(env.DB, policyOf(env), changed, Date.now());",
    to: "void storeLevels;",
  },
  {
    name: "a resumption does not reach the read model",
    file: "src/orders/http/stock.ts",
    from: "  await storeLevels(c.env.DB, policyOf(c.env), [level], Date.now());\n  if (!isPaused)",
    to: "  if (!isPaused)",
  },
  {
    name: "the snapshot is read before the mark of presence",
    file: "src/orders/feed/presence.sql.ts",
    from: "  const [, shown, beyond] = await db.batch<OrderRow>([\n    markPresent(db, customerId, now_ms),",
    to: "  const [, shown, beyond] = await db.batch<OrderRow>([\n    db.prepare('SELECT 1'),",
    also: [
      {
        from: "  const rows = shown?.results ?? [];",
        to: "  await markPresent(db, customerId, now_ms).run();\n  const rows = shown?.results ?? [];",
      },
      // Without this the feed's own alarm makes up for it a few seconds later.
      {
        from: "changed: ((changed?.results ?? []) as OrderRow[]).map(orderFromRow),",
        to: "changed: ((changed?.results ?? []) as OrderRow[]).slice(0, 0).map(orderFromRow),",
      },
    ],
  },
  {
    name: "pushes during the snapshot are dropped, and nothing is reread",
    file: "src/orders/feed/customer-feed.ts",
    from: "      for (const order of buffered.values()) {",
    to: "      for (const order of [] as OrderView[]) {",
    also: [
      {
        from: "    const missing = this.#pushed.missing(changed);\n",
        to: "    const missing = changed.slice(0, 0);\n",
      },
    ],
  },
  {
    name: "the feed is told what is not yet durable",
    file: "src/orders/place/group-commit.ts",
    from: "    await this.#ports.watch();\n    const { results, failed }",
    to: "    await this.#ports.watch();\n    void this.#ports.announce({ orders: [], present: candidates.map((candidate) => ({ ...candidate, status: 'confirmed', reason: null, shortages: null, lines: [], total: { amount: 0, currency: 'EUR' }, revision: 2, placedAt_ms: 0, updatedAt_ms: 0, payBy_ms: null, awaits: null, dueAt_ms: null, attempts: 0, history: [] })) });\n    const { results, failed }",
  },
  {
    name: "another's order can be seen and cancelled",
    file: "src/orders/http/orders.ts",
    from: "if (order && (order.customerId === caller.sub || caller.scopes.has(scope))) {",
    to: "if (order && (caller.sub !== '' || caller.scopes.has(scope))) {",
  },
  {
    name: "a customer may pay",
    file: "src/orders/http/orders.ts",
    from: '.post("/:id/pay", requireScopes("orders:pay"), async',
    to: '.post("/:id/pay", requireToken, async',
  },
  {
    name: "an acknowledged release is forgotten",
    file: "src/orders/outcomes/settle.ts",
    from: 'if (released.length > 0) statements.push(acknowledge(db, "release", released));',
    to: "",
  },
  {
    name: "the shop counts an order twice",
    file: "src/orders/order/minutes.sql.ts",
    from: "WHERE orders.status IN (${statuses}) ${alsoIf}",
    to: "WHERE 1 ${alsoIf}",
  },
  {
    name: "a client that hangs up keeps its place among those that order",
    file: "src/orders/http/concurrency-limit.ts",
    from: "    c.executionCtx.waitUntil(work.catch(() => undefined));\n",
    to: "",
  },
  {
    name: "a place that nobody gives back never lapses",
    file: "src/runtime/concurrency-limit.ts",
    from: "      if (lapses_ms > now_ms && !isAhead) break;",
    to: "      if (lapses_ms > 0 && !isAhead) break;",
  },
  {
    name: "a stock Worker that hangs holds up expiries",
    file: "src/orders/reconcile/reconcile.ts",
    from: "releases.push(...(await advance(orders, ports)));\n    if (orders.length < CLAIM_TIMED) break;",
    to: "releases.push(...(await advance(orders, ports)));\n    break;",
  },
  {
    name: "each order that the lane leaves undecided is announced alone",
    file: "src/orders/place/group-commit.ts",
    from: "    this.#announceBuffer.add(placement);\n    this.#announceBuffer.schedule({ isBusy: true });",
    to: "    this.#announce([placement]);",
  },
  {
    name: "feeds past the limit of a delivery count as failed",
    file: "src/orders/order/feed-notifier.ts",
    from: "if (calls >= MAX_CALLS) return leave(POSTPONED);",
    to: "if (calls >= MAX_CALLS) return leave(failedWith(POSTPONED.type));",
  },
];
