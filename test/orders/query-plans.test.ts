import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { SYSTEM } from "../../src/contract/actor.ts";
import { newOrderId } from "../../src/contract/order-id.ts";
import { stockBreached } from "../../src/contract/stock-events.ts";
import { changeOrder } from "../../src/orders/change/change-order.ts";
import { endErasure, saveErasure } from "../../src/orders/customers/erasures.sql.ts";
import { fenced } from "../../src/orders/database/fenced.ts";
import { clearPutBack, confirmLevels } from "../../src/orders/items/items.sql.ts";
import { comparePage } from "../../src/orders/operators/compare.ts";
import { addDoorRefusals } from "../../src/orders/order/door-refusals.sql.ts";
import { unfinishedOrders } from "../../src/orders/order/order-queries.sql.ts";
import { commandOf } from "../../src/orders/order/order.ts";
import { eraseOrders, requeueCommands } from "../../src/orders/order/orders.sql.ts";
import { requeueReturns } from "../../src/orders/order/returns.sql.ts";
import { reconcilerOf } from "../../src/orders/order/schedule-reconcile.ts";
import { settle } from "../../src/orders/outcomes/settle.ts";
import { placeAll } from "../../src/orders/place/placement.sql.ts";
import { NO_CURSORS, prune } from "../../src/orders/reconcile/retention.ts";
import { RECOVER_START, recoverPage } from "../../src/orders/recover/recover.ts";
import type { Webhook } from "../../src/orders/webhooks/webhook.ts";
import { endFailingAhead, setTroubles, switchOff } from "../../src/orders/webhooks/webhooks.sql.ts";
import worker from "../../src/orders/worker.ts";
import {
  addItem,
  candidateFor,
  committed,
  fakeFeeds,
  levelOf,
  locked,
  pendingOrder,
  POLICY,
  portsWith,
  refused,
  released,
  moveOne,
} from "./support/data.ts";
import { connect } from "./support/feed.ts";
import { batchOf } from "./support/queue.ts";
import { pass } from "./support/stock.ts";
import { call, migrate, newCustomer, operatorToken, tokenFor } from "./support/worker.ts";

declare global {
  interface ImportMeta {
    glob(
      pattern: string,
      options: { query: "?raw"; import: "default"; eager: true },
    ): Record<string, string>;
  }
}

const sources = import.meta.glob("../../src/orders/**/*.ts", {
  query: "?raw",
  import: "default",
  eager: true,
});

/** The text of every statement that the Worker prepares, its Durable Objects included. */
const recorded = new Set<string>();
const prototype = Object.getPrototypeOf(env.DB) as D1Database;
const prepare = Reflect.get(prototype, "prepare") as (sql: string) => D1PreparedStatement;

beforeAll(async () => {
  await migrate();
  await exercise();
});
/** Walks every path of the Worker that reads or writes D1. */
async function exercise(): Promise<void> {
  const sku = await addItem();
  const crowd = Array.from({ length: 300 }, (_, i) => candidateFor(sku, { key: `k${i}` }));
  await placeAll(env.DB, crowd, POLICY, Date.now());
  const settled = crowd.slice(0, 250).map(({ id }) => locked(id));
  await settle(settled, portsWith());
  prototype.prepare = function (this: D1Database, sql: string) {
    recorded.add(sql);
    return prepare.call(this, sql);
  };
  await placingAndReading(sku);
  await settlingAndReconciling();
  await deadLettersAndItems(sku);
  await operations();
  await money(sku);
  await bulk(sku);
  await webhooks();
  await changes();
  await disasters(sku);
  prototype.prepare = prepare;
}

async function placingAndReading(sku: string): Promise<void> {
  const customerId = newCustomer();
  const token = await tokenFor(customerId);
  const body = { lines: [{ sku, quantity: 1 }] };
  const headers = { "Idempotency-Key": "k" };
  const placed = await call("POST", "/v1/orders", { token, body, headers });
  const location = placed.headers.get("Location") ?? "";
  const client = await connect({ token, since: "2026-01-01T00:00:00Z" });
  const [order] = await client.snapshot();
  await env.FEED.getByName(customerId).push([order!]);
  await runDurableObjectAlarm(env.FEED.getByName(customerId));
  client.close(1000);
  await client.code();
  await call("GET", location, { token });
  await call("GET", location, { token, headers: { Prefer: "wait=1" } });
  await call("GET", "/v1/orders?status=pending&limit=1", { token });
  await call("POST", `${location}/cancel`, { token });
}

async function settlingAndReconciling(): Promise<void> {
  const [a, b, c] = [await pendingOrder(), await pendingOrder(), await pendingOrder()];
  await settle([locked(a.id), refused(b.id), levelOf("SKU-1", 1, 5)], portsWith());
  await moveOne("pay", a.id, { policy: POLICY, now_ms: Date.now() });
  await settle([committed(a.id), released(b.id)], portsWith());
  await pass(Date.now() + 1e9, { feeds: fakeFeeds() });
  await pendingOrder({ id: c.id.replace(/^./, "1") });
  await reconcilerOf(env).poke();
  const told = { sku: "SKU-1", levelVersion: 5, at: new Date().toISOString(), trust_ms: 1 };
  await confirmLevels(env.DB, [told], Date.now());
}

async function deadLettersAndItems(sku: string): Promise<void> {
  const token = await operatorToken();
  const order = await pendingOrder();
  const body = commandOf(order, "lock", Date.now());
  const letters = batchOf("order-events-dlq", [
    { id: "m1", body },
    { id: "m2", body },
  ]);
  await worker.queue(letters.batch, env);
  await call("GET", "/v1/dead-letters", { token });
  await call("POST", "/v1/dead-letters/m1/replay", { token });
  await call("DELETE", "/v1/dead-letters/m2", { token });
  const price = { amount: 1, currency: "EUR" };
  await call("PUT", `/v1/items/${sku}`, { token, body: { name: "Item", price } });
  await call("GET", "/v1/items", {});
}

async function operations(): Promise<void> {
  const token = await operatorToken();
  const { id } = await pendingOrder();
  await addDoorRefusals(env.DB, [{ minute: 1, sku: "x", orders: 1, units: 1 }], Date.now());
  await call("GET", "/v1/operations", { token });
  await call("GET", "/v1/operations/items?onSale=true", { token });
  await call("GET", `/v1/items/${await addItem()}/demand`, { token });
  for (const filter of ["?status=paid", "?customerId=c&sku=x&q=abcd", "?q=abcd"]) {
    await call("GET", `/v1/operations/orders${filter}`, { token });
  }
  await call("GET", `/v1/operations/orders/${id}/history`, { token });
  const time = "from=2020-01-01T00:00:00Z&to=2120-01-01T00:00:00Z";
  await (await call("GET", `/v1/operations/orders/export?${time}`, { token })).text();
  await (await call("GET", "/v1/operations/items/export", { token })).text();
  const stock = {
    lockStates: async () => ({ locks: [], watermark_ms: 0 }),
    liveLocks: async () => ({ locks: [], next: null }),
  };
  const ports = { db: env.DB, stock, prunedBefore_ms: 0, now: Date.now, pause: async () => {} };
  await comparePage({ phase: "orders", after: "" }, ports);
  await comparePage({ phase: "locks", sku: "", after: "" }, ports);
  await requeueCommands(env.DB, [id], Date.now());
  await requeueReturns(env.DB, [id], Date.now());
  await changeOrder(env, "cancel", { id, actor: SYSTEM }, () => {});
  const policy = { ...POLICY, orderRetention_ms: 1 };
  await prune(env.DB, policy, NO_CURSORS, Date.now());
}

async function disasters(sku: string): Promise<void> {
  const token = await operatorToken();
  await clearPutBack(env.DB, sku).run();
  const { id } = await pendingOrder();
  await settle([stockBreached({ orderId: id }, "x", 1)], portsWith());
  const db = fenced(env.DB, { beat: 0, mayBeFrozen: true });
  const orderId = newOrderId(Date.now());
  const origin = {
    lines: [{ sku: `${sku}-lost`, name: "x", quantity: 1, price: 1 }],
    currency: "EUR",
  };
  const decision = { orderId, customerId: "c", quantity: 1, state: "held", returned: 0 } as const;
  const decisions = [{ ...decision, shortage: null, origin }];
  const stock = {
    skus: async (after: string) => ({ skus: after === "" ? [`${sku}-lost`] : [], next: null }),
    decisions: async () => ({ decisions, next: null }),
    decisionsFor: async () => decisions,
    erasures: async () => ({ orders: [{ orderId, erasedId: "erased_1" }], next: null }),
  };
  const ports = { db, stock, policy: POLICY, since_ms: 0, isApplied: true, now: Date.now };
  await recoverPage(RECOVER_START, ports);
  await call("POST", "/v1/operations/freeze", { token });
  await call("POST", "/v1/operations/thaw", { token, body: { force: true } });
  await env.DB.prepare("UPDATE service SET beat = beat - 1").run();
  await reconcilerOf(env).poke();
  await call("POST", "/v1/operations/thaw", { token, body: { force: true } });
}

async function changes(): Promise<void> {
  const token = await operatorToken();
  const headers = { Prefer: "wait=1" };
  const read = async (query: string): Promise<string> => {
    const response = await call("GET", `/v1/changes${query}`, { token, headers });
    return ((await response.json()) as { nextCursor: string }).nextCursor;
  };
  let after = await read("");
  for (
    let next = await read(`?after=${after}`);
    next !== after;
    next = await read(`?after=${after}`)
  ) {
    after = next;
  }
}

async function webhooks(): Promise<void> {
  const token = await operatorToken();
  await env.DB.prepare("DELETE FROM change_epoch").run();
  const body = { url: "https://shop.example/hook", types: ["item.sold_out"] };
  const made = await call("POST", "/v1/webhooks", { token, body });
  const { id } = (await made.json()) as { id: string };
  await call("GET", "/v1/webhooks", { token });
  await call("GET", `/v1/webhooks/${id}`, { token });
  await call("PATCH", `/v1/webhooks/${id}`, { token, body });
  await call("POST", `/v1/webhooks/${id}/rotate`, { token });
  await setTroubles(env.DB, id, { failingSince_ms: 2, nearLimitSince_ms: null });
  await endFailingAhead(env.DB, 1);
  await switchOff(env.DB, { id, url: body.url, startsAfter: "" } as Webhook, "gone", 1);
  await call("DELETE", `/v1/webhooks/${id}`, { token });
}

async function bulk(sku: string): Promise<void> {
  const token = await operatorToken();
  const item = { sku, name: "Item", price: { amount: 1, currency: "EUR" } };
  await call("POST", "/v1/items/bulk", { token, body: { items: [item] } });
  const headers = { "Idempotency-Key": "bulk" };
  await call("POST", "/v1/stock/bulk", { token, headers, body: { changes: [{ sku, delta: 1 }] } });
}

async function money(sku: string): Promise<void> {
  const token = await operatorToken();
  const customerId = newCustomer();
  const lines = [{ sku, quantity: 1 }];
  const place = async () => {
    const placed = await call("POST", "/v1/orders", { token, body: { lines, customerId } });
    return ((await placed.json()) as { id: string }).id;
  };
  const report = (orderId: string) => {
    const payment = { reference: orderId, orderId, amount: 1, currency: "EUR" };
    return call("POST", "/v1/payments", { token, body: payment });
  };
  const [paid, late] = [await place(), await place()];
  await settle([locked(paid), locked(late)], portsWith());
  await call("POST", `/v1/orders/${late}/extend`, { token, body: { seconds: 1 } });
  await Promise.all([report(paid), report("unknown")]);
  for (const query of ["", "?state=applied", "?state=waiting", `?orderId=${paid}`]) {
    await call("GET", `/v1/payments${query}`, { token });
  }
  await call("POST", "/v1/payments/unknown/refunded", { token });
  await settle([committed(paid)], portsWith());
  const body = { lines, restock: true, reason: "x" };
  const headers = { "Idempotency-Key": "r" };
  await call("POST", `/v1/orders/${paid}/returns`, { token, body, headers });
  await call("GET", `/v1/orders/${paid}/returns`, { token });
  await pass(Date.now() + 1e9, { feeds: fakeFeeds() });
  await unfinishedOrders(env.DB, customerId, [sku]);
  await call("GET", "/v1/operations/items?q=x&sort=saleStartsAt", { token });
  await call("GET", "/v1/operations/items", { token });
  await call("DELETE", `/v1/items/${sku}`, { token });
  await eraseOrders(env.DB, { customerId, erasedId: "erased_1", ids: [paid] }).run();
  await call("DELETE", `/v1/customers/${newCustomer()}`, { token });
  await env.DB.batch([
    saveErasure(env.DB, { customerId, erasedId: "erased_1", afterSku: sku }),
    endErasure(env.DB, customerId),
  ]);
}

/** The steps of a statement's plan. */
async function planOf(sql: string): Promise<string[]> {
  const parameters = Math.max(
    (sql.match(/\?(?!\d)/g) ?? []).length,
    ...[...sql.matchAll(/\?(\d+)/g)].map(([, n]) => Number(n)),
    0,
  );
  const { results } = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
    .bind(...Array.from({ length: parameters }, () => null))
    .all<{ detail: string }>();
  return results.map(({ detail }) => detail);
}

/** Where an `orders` row is met otherwise than by a key: each step of a plan that walks the table. */
async function walksOf(sql: string): Promise<string[]> {
  const aliases = [...sql.matchAll(/\borders\s+AS\s+(\w+)/gi)].map(([, alias]) => alias);
  const names = new Set(["orders", ...aliases]);
  return (await planOf(sql)).filter((detail) =>
    names.has(/^SCAN (?:TABLE )?(\w+)/.exec(detail)?.[1] ?? ""),
  );
}

/** The SQL at each `prepare(` of a source file, as patterns: what is put in may be anything. */
function prepared(source: string): { sql: string; pattern: RegExp }[] {
  const calls = source.matchAll(/\.prepare\(\s*(`[^`]*`|"[^"]*"|[A-Z_]+)/g);
  return [...calls].map(([, argument = ""]) => {
    const named = /^[A-Z_]+$/.test(argument)
      ? new RegExp(`const ${argument} =\\s*(\\w+\\(\\s*)?(\`[^\`]*\`|"[^"]*")`).exec(source)
      : [argument, undefined, argument];
    // What a function makes of a text holds it somewhere; anything else is it.
    const [start, end] = named?.[1] === undefined ? ["^", "$"] : ["", ""];
    const sql = (named?.[2] ?? "").slice(1, -1);
    // An empty text would be in every other.
    if (sql === "") return { sql: argument, pattern: /^$/ };
    const parts = sql
      .split(/\$\{[^}]*\}/)
      .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
    return { sql, pattern: new RegExp(`${start}${parts.join("[^]*")}${end}`) };
  });
}

describe("every query of the orders Worker", () => {
  it("is known to this test", () => {
    const unknown = Object.entries(sources).flatMap(([file, source]) => {
      // Hands the statements of all others on.
      if (/\/database\/(d1|fenced)\.ts$/.test(file)) return [];
      const statements = prepared(source);
      const count = source.match(/\.prepare\(/g)?.length ?? 0;
      if (statements.length !== count) return [`${file}: a prepare() that cannot be read`];
      return statements
        .filter(({ pattern }) => ![...recorded].some((sql) => pattern.test(sql)))
        .map(({ sql }) => `${file}: ${sql}`);
    });
    expect(unknown).toEqual([]);
    expect(recorded.size).toBeGreaterThan(25);
  });

  it("meets orders by an index, and never walks the table", async () => {
    const walking: string[] = [];
    for (const sql of recorded) {
      if (!/\borders\b/.test(sql)) continue;
      const walks = await walksOf(sql);
      if (walks.length > 0) walking.push(`${walks.join("; ")}: ${sql}`);
    }
    expect(walking).toEqual([]);
  });

  it("meets payments and returns by an index that has few of them, or by their keys", async () => {
    const scans = new Set<string>();
    for (const sql of recorded) {
      for (const step of await planOf(sql)) {
        if (/^SCAN (payments|returns)\b/.test(step)) scans.add(`${step}: ${sql}`);
      }
    }
    expect(
      [...scans].filter((step) => !/payments_waiting|payments_unmatched|returns_due/.test(step)),
    ).toEqual([]);
  });

  it("finds an item's refusals at the door by their keys", async () => {
    const [sql = ""] = [...recorded].filter((one) => one.includes("minute IN (SELECT value"));
    expect(await planOf(sql)).toContainEqual(
      expect.stringMatching(/^SEARCH door_refusals USING PRIMARY KEY \(minute=\? AND sku=\?\)/),
    );
  });

  it("claims what is due by the index alone, however much of it waits for its stock", async () => {
    const claims = [...recorded].filter((sql) =>
      sql.includes("SELECT id FROM orders WHERE due_at"),
    );
    expect(claims).toHaveLength(2);
    for (const sql of claims) {
      const plan = await planOf(sql);
      expect(plan.filter((detail) => detail.includes("orders_due"))).toEqual([
        expect.stringContaining("USING COVERING INDEX orders_due"),
      ]);
    }
  });

  it("would be found out if it walked the table", async () => {
    expect(await walksOf("SELECT * FROM orders WHERE status = ?")).not.toEqual([]);
    expect(await walksOf("SELECT x.id FROM orders AS x WHERE x.updated_at > ?1")).not.toEqual([]);
    expect(await walksOf("SELECT count(*) FROM orders")).not.toEqual([]);
    expect(await walksOf("SELECT * FROM orders ORDER BY id DESC")).not.toEqual([]);
    expect(await walksOf("SELECT * FROM orders WHERE id = ?")).toEqual([]);
  });
});
