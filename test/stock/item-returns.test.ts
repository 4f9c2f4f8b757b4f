import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { orderReturned } from "../../src/contract/order-events.ts";
import { newOrderId } from "../../src/contract/order-id.ts";
import type { StockItem } from "../../src/stock/item/stock-item.ts";
import { StockApi } from "../../src/stock/stock-api.ts";
import {
  AHEAD_MS,
  apply,
  commit,
  counters,
  DAY_MS,
  daysUntil,
  item,
  keepLogs,
  ledger,
  lock,
  logged,
  newOrders,
  receive,
  release,
  replay,
} from "./fixtures.ts";

beforeEach(keepLogs);

const actor = { kind: "service", sub: "shop" } as const;

const returning = (orderId: string, lines: Record<string, number>, parts: object = {}) =>
  orderReturned(
    {
      orderId,
      returnId: newOrderId(Date.now()),
      customerId: "ann",
      lines: Object.entries(lines).map(([sku, quantity]) => ({ sku, quantity })),
      restock: true,
      reason: "did not fit",
      actor,
      ...parts,
    },
    Date.now(),
  );

async function execute(...events: ReturnType<typeof returning>[]): Promise<string[]> {
  const outcomes = await new StockApi(createExecutionContext(), env).execute(events, 5_000);
  return outcomes.flatMap((one) => (one.type === "stock.returned" ? [one.returnId] : []));
}

async function sold(sku: string, quantity: number, limit: number | null = null): Promise<string> {
  const [id] = newOrders(1) as [string];
  expect(await apply(sku, lock(id, { quantity, limit }), commit(id))).toEqual([
    "locked",
    "committed",
  ]);
  return id;
}

describe("a return at the item", () => {
  test("moves sold units back, with who and why in the ledger", async () => {
    await receive("back", 5);
    const id = await sold("back", 3);
    const event = returning(id, { back: 2 });
    expect(await execute(event)).toEqual([event.returnId]);
    expect(await counters("back")).toEqual({ received: 5, available: 4, held: 0, sold: 1 });
    const movements = await ledger("back");
    expect(movements.at(-1)).toMatchObject({
      kind: "return",
      quantity: 2,
      orderId: id,
      operationId: event.returnId,
      reason: "did not fit",
      actor,
    });
    expect(replay(movements)).toEqual(await counters("back"));
  });

  test("is written off if it is not to be sold again", async () => {
    await receive("broken", 5);
    const id = await sold("broken", 3);
    await execute(returning(id, { broken: 3 }, { restock: false }));
    expect(await counters("broken")).toEqual({ received: 2, available: 2, held: 0, sold: 0 });
    const movements = await ledger("broken");
    expect(movements.at(-1)).toMatchObject({ kind: "write_off", quantity: 3 });
    expect(replay(movements)).toEqual(await counters("broken"));
  });

  test("is applied once, however often it comes, also after an eviction", async () => {
    await receive("once", 5);
    const event = returning(await sold("once", 3), { once: 1 });
    expect(await execute(event, event)).toEqual([event.returnId, event.returnId]);
    await evictDurableObject(item("once"));
    expect(await execute(event)).toEqual([event.returnId]);
    expect(await counters("once")).toMatchObject({ available: 3, sold: 2 });
  });

  test("a request that comes with another id is booked once, in one call and in two", async () => {
    await receive("again", 9);
    const id = await sold("again", 5);
    // The database was put back between them, so that the second has another id.
    const ask = (requestHash: string) => returning(id, { again: 1 }, { requestHash });
    const [first, second, third] = [ask("a"), ask("a"), ask("a")];
    expect(await execute(first, second)).toEqual([first.returnId, second.returnId]);
    await evictDurableObject(item("again"));
    expect(await execute(third)).toEqual([third.returnId]);
    expect(await counters("again")).toMatchObject({ available: 5, sold: 4 });
    await execute(ask("b"), returning(id, { again: 1 }));
    expect(await counters("again")).toMatchObject({ available: 7, sold: 2 });
  });

  test("two of one order in one call are two, of all lines or undecided", async () => {
    await receive("left", 5);
    await receive("right", 5);
    const [id] = newOrders(1) as [string];
    for (const sku of ["left", "right"]) await apply(sku, lock(id, { quantity: 2 }), commit(id));
    const both = [returning(id, { left: 1, right: 1 }), returning(id, { left: 1 })];
    expect(await execute(...both)).toEqual(both.map(({ returnId }) => returnId));
    expect(await counters("left")).toMatchObject({ available: 5, sold: 0 });
    expect(await counters("right")).toMatchObject({ available: 4, sold: 1 });
    // One line has nothing left, so the return as a whole is undecided and repeated.
    expect(await execute(returning(id, { left: 1, right: 1 }))).toEqual([]);
    expect(logged).toContainEqual(expect.objectContaining({ event: "invariant.breached" }));
  });

  test("before its commit waits for it", async () => {
    await receive("early", 5);
    const [id] = newOrders(1) as [string];
    await apply("early", lock(id, { quantity: 2 }));
    const event = returning(id, { early: 2 });
    expect(await execute(event)).toEqual([]);
    expect(await counters("early")).toMatchObject({ held: 2, sold: 0 });
    await apply("early", commit(id));
    expect(await execute(event)).toEqual([event.returnId]);
    expect(await counters("early")).toMatchObject({ available: 5, held: 0, sold: 0 });
    expect((await item("early").level("early")).breaches).toBe(0);
  });

  test("of an order that was released is a breach", async () => {
    await receive("gone", 5);
    const [id] = newOrders(1) as [string];
    await apply("gone", lock(id, { quantity: 2 }), release(id));
    expect(await execute(returning(id, { gone: 1 }))).toEqual([]);
    expect(await item("gone").level("gone")).toMatchObject({ breaches: 1 });
  });

  test("leaves the customer room under the limit", async () => {
    await receive("limit", 9);
    const id = await sold("limit", 3, 3);
    const again = () => lock(newOrderId(Date.now()), { quantity: 2, limit: 3 });
    expect(await apply("limit", again())).toEqual(["refused"]);
    await execute(returning(id, { limit: 2 }));
    expect(await apply("limit", again())).toEqual(["locked"]);
    expect(await apply("limit", again())).toEqual(["refused"]);
  });

  test("before the first limit is not counted by it", async () => {
    await receive("first", 9);
    const id = await sold("first", 3);
    await execute(returning(id, { first: 2 }));
    expect(await apply("first", lock(newOrderId(Date.now()), { quantity: 2, limit: 3 }))).toEqual([
      "locked",
    ]);
  });

  test("is not what operators compare any more", async () => {
    await receive("compared", 9);
    const id = await sold("compared", 3);
    const states = async () => {
      const [{ locks }, live] = await Promise.all([
        item("compared").lockStates([id]),
        item("compared").liveLocks(""),
      ]);
      expect(live.locks).toEqual(locks);
      return locks;
    };
    await execute(returning(id, { compared: 2 }));
    expect(await states()).toEqual([{ orderId: id, quantity: 1, state: "sold" }]);
    await execute(returning(id, { compared: 1 }));
    expect(await states()).toEqual([]);
  });
});

describe("long after the sale", () => {
  test("a lock that was pruned is not needed; a return that may have been pruned is a breach", async () => {
    await receive("old", 9);
    const id = await sold("old", 3);
    const event = returning(id, { old: 1 });
    expect(await execute(event)).toEqual([event.returnId]);
    try {
      await daysUntil("old", Date.now(), Date.now() + 3 * AHEAD_MS + 5 * DAY_MS);
      expect((await item("old").lockStates([id])).locks).toEqual([]);
      const late = returning(id, { old: 2 });
      expect(await execute(late, late)).toEqual([late.returnId, late.returnId]);
      expect(await counters("old")).toMatchObject({ available: 9, sold: 0 });
      expect(await execute(event)).toEqual([]);
      expect(await counters("old")).toMatchObject({ available: 9, sold: 0 });
    } finally {
      vi.useRealTimers();
    }
  });
});

test("an erased customer's locks and units go on under another name", async () => {
  await receive("erased", 9);
  const id = await sold("erased", 2, 3);
  const erasure = { customerId: "ann", erasedId: "erased_1", orderIds: [id] };
  for (const _ of [1, 2]) await item("erased").eraseCustomer(erasure);
  const rows = await runInDurableObject(
    item("erased"),
    (_item: StockItem, { storage: { sql } }) => ({
      locks: sql.exec("SELECT customer_id FROM locks").toArray(),
      customers: sql.exec("SELECT customer_id, units FROM customers").toArray(),
    }),
  );
  expect(rows).toEqual({
    locks: [{ customer_id: "erased_1" }],
    customers: [{ customer_id: "erased_1", units: 2 }],
  });
});
