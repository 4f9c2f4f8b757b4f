import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { fill, type Tables } from "../../bench/growth/fill.ts";
import { newOrderId } from "../../src/contract/order-id.ts";
import { policyOf } from "../../src/orders/config/policy.ts";
import { comparePage } from "../../src/orders/operators/compare.ts";
import { claimDue } from "../../src/orders/order/orders.sql.ts";
import { placeAll } from "../../src/orders/place/placement.sql.ts";
import type { ItemCommand } from "../../src/stock/item/rules.ts";
import type { StockItem } from "../../src/stock/item/stock-item.ts";
import { observed, type Trip } from "../support/d1.ts";
import { count, insertRows, orderRow } from "./support/rows.ts";
import { migrate, newCustomer, OPERATOR, WAIT, worldOf } from "./support/world.ts";

const ORDERS = 100_000;
const LOCKS = 100_000;
const LATER_MS = Date.now() + 3_600_000;
const { db, trips } = observed(env.DB);

/** Rows that D1 reads for this. */
async function rowsReadBy(work: () => Promise<unknown>): Promise<number> {
  const before = trips.length;
  await work();
  return trips.slice(before).reduce((sum, trip) => sum + trip.rowsRead, 0);
}

/** Rows that an item reads and writes for a lock that it grants, a repeat, and a page of locks. */
function itemRows(sku: string): Promise<number> {
  return runInDurableObject(env.ITEM.getByName(sku), async (item: StockItem, { storage }) => {
    const exec = vi.spyOn(storage.sql, "exec");
    const orderId = newOrderId(Date.now());
    const lock: ItemCommand = {
      type: "lock",
      orderId,
      customerId: newCustomer(),
      quantity: 1,
      limit: null,
    };
    await item.apply(sku, [lock]);
    await item.apply(sku, [lock, { type: "release", orderId }]);
    item.level(sku);
    item.ledger({ before: null, limit: 10 });
    const cursors = exec.mock.results.map(({ value }) => value as SqlStorageCursor<never>);
    exec.mockRestore();
    return cursors.reduce((sum, one) => sum + one.rowsRead + one.rowsWritten, 0);
  });
}

/** Every call at an item of so many units. */
async function measure(sku: string) {
  const world = await worldOf({ db });
  const [customer, now_ms] = [newCustomer(), Date.now()];
  const ids: string[] = [];
  for (let i = 0; i < 25; i++) {
    const { body } = await world.place(customer, [{ sku, quantity: 1 }], WAIT);
    ids.push(body.id);
  }
  const [id] = ids;
  const get =
    (path: string, as = OPERATOR) =>
    () =>
      world.call("GET", path, { as });
  const placedAt_ms = now_ms - 100_000;
  const due = Array.from({ length: 10 }, () => {
    const lines = [{ sku, quantity: 1 }];
    return { id: newOrderId(placedAt_ms), customerId: newCustomer(), key: null, lines };
  });
  await placeAll(env.DB, due, policyOf(env), placedAt_ms);
  const ports = { db, stock: env.STOCK, prunedBefore_ms: 0, now: Date.now, pause: async () => {} };
  const claim = { needs: "stock", now_ms, limit: 100, jitter: 1 } as const;
  const rows: Record<string, number> = {
    operations: await rowsReadBy(get("/v1/operations")),
    "list of a customer": await rowsReadBy(get("/v1/orders", customer)),
    "list of a customer's paid": await rowsReadBy(get("/v1/orders?status=paid", customer)),
    "list of all": await rowsReadBy(get("/v1/operations/orders")),
    order: await rowsReadBy(get(`/v1/orders/${id}`, customer)),
    history: await rowsReadBy(get(`/v1/operations/orders/${id}/history`)),
    place: await rowsReadBy(() =>
      world.place(customer, [{ sku, quantity: 1 }], { "Idempotency-Key": "k" }),
    ),
    replay: await rowsReadBy(() =>
      world.place(customer, [{ sku, quantity: 1 }], { "Idempotency-Key": "k" }),
    ),
    "place and settle": await rowsReadBy(() => world.place(customer, [{ sku, quantity: 1 }], WAIT)),
    pay: await rowsReadBy(() => world.pay(id ?? "")),
    cancel: await rowsReadBy(() => world.cancel(ids[1] ?? "")),
    claim: await rowsReadBy(() => claimDue(db, policyOf(env), claim)),
    compare: await rowsReadBy(() => comparePage({ phase: "orders", after: id ?? "" }, ports)),
    "compare locks": await rowsReadBy(() =>
      comparePage({ phase: "locks", sku, after: id ?? "" }, ports),
    ),
    item: await itemRows(sku),
  };
  // Nothing is due when the same is measured again.
  await env.DB.prepare("DELETE FROM orders WHERE awaits IS NOT NULL").run();
  return rows;
}

beforeAll(migrate);

const tables = (sku: string): Tables => ({
  d1: (sql) => env.DB.prepare(sql).run(),
  item: (sql) =>
    runInDurableObject(env.ITEM.getByName(sku), (_, { storage }) => storage.sql.exec(sql)),
});

/** Some that wait for their payment for another hour. */
const waitingRows = () =>
  Array.from({ length: 5_000 }, () =>
    orderRow({ status: "confirmed", pay_by: LATER_MS, due_at: LATER_MS }),
  );

describe(`with ${ORDERS} orders in D1 and ${LOCKS} locks in their item`, () => {
  test("every call reads as many rows as with none", async () => {
    const world = await worldOf({ db });
    const sku = await world.stocked(100);
    const empty = await measure(sku);
    await fill(tables(sku), { orders: ORDERS, locks: LOCKS, sku });
    await insertRows("orders", waitingRows());
    expect(await count("orders")).toBeGreaterThan(ORDERS);
    expect(await count("idempotency_keys")).toBeGreaterThanOrEqual(ORDERS);
    const { locks } = await env.STOCK.liveLocks(sku, "");
    expect(locks).toHaveLength(200);
    const full = await measure(sku);
    const grown = Object.entries(full).flatMap(([call, rows]) => {
      return rows <= Math.max(1.3 * (empty[call] ?? 0), 2)
        ? []
        : [`${call}: ${empty[call]} rows, then ${rows}`];
    });
    expect(grown).toEqual([]);
    expect(Math.min(...Object.values(empty))).toBeGreaterThan(0);
  });

  test("a status that is rare costs an operator's page 1,000 orders at most", async () => {
    const world = await worldOf({ db });
    const path = "/v1/operations/orders?status=pending";
    const rows = await rowsReadBy(() => world.call("GET", path, { as: OPERATOR }));
    expect(rows).toBeLessThanOrEqual(2 * 1_000);
  });
});

test("no statement of an operator's call walks the orders", async () => {
  const world = await worldOf({ db });
  const sku = await world.stocked(5);
  const { body } = await world.place(newCustomer(), [{ sku, quantity: 1 }], WAIT);
  const from = trips.length;
  for (const path of [
    "/v1/operations",
    "/v1/operations/orders",
    "/v1/operations/orders?status=paid",
    `/v1/operations/orders/${body.id}/history`,
  ]) {
    expect((await world.call("GET", path, { as: OPERATOR })).status).toBe(200);
  }
  const last = btoa(JSON.stringify({ phase: "locks", sku: "", after: "" }));
  for (const reconcile of [{}, { cursor: last }]) {
    const call = { as: OPERATOR, body: reconcile };
    expect((await world.call("POST", "/v1/operations/reconcile", call)).status).toBe(200);
  }
  const statements = new Set(trips.slice(from).flatMap(({ sql }: Trip) => sql));
  expect(statements.size).toBeGreaterThan(8);
  const walks: string[] = [];
  for (const sql of statements) {
    const parameters = Math.max(
      (sql.match(/\?(?!\d)/g) ?? []).length,
      ...[...sql.matchAll(/\?(\d+)/g)].map(([, n]) => Number(n)),
    );
    const { results } = await env.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .bind(...Array.from({ length: parameters }, () => null))
      .all<{ detail: string }>();
    for (const { detail } of results) {
      if (/^SCAN (orders|o)\b/.test(detail)) walks.push(`${detail}: ${sql}`);
    }
  }
  expect(walks).toEqual([]);
});
