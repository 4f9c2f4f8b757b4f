import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { NO_LEVEL_CURSORS, refreshLevels } from "../../src/orders/reconcile/refresh-levels.ts";
import { NO_CURSORS, prune } from "../../src/orders/reconcile/retention.ts";
import { POLICY } from "../support/order.ts";
import { readerOf, stepsOf } from "./support/changes.ts";
import {
  confirmed,
  expired,
  paymentOf,
  pending,
  report,
  settleDown,
  WINDOW,
} from "./support/money.ts";
import { migrate, newCustomer, OPERATOR, WAIT, type World, worldOf } from "./support/world.ts";

/** Rereads every level, as if none had been told for a minute. */
async function rereadAll(world: World): Promise<void> {
  await env.DB.prepare("UPDATE items SET level_at = level_at - 60000").run();
  await refreshLevels(world.env, NO_LEVEL_CURSORS);
}

beforeAll(migrate);

const RETURN = { restock: true, reason: "too small" };
const KEY = () => ({ "Idempotency-Key": crypto.randomUUID() });

describe("the changes", () => {
  test("have every step of an order, in order, with the order as it stands", async () => {
    const world = await worldOf({ vars: WINDOW });
    const reader = readerOf(world);
    await reader.read();
    const { sku, id } = await confirmed(world);
    await world.call("POST", `/v1/orders/${id}/extend`, { as: OPERATOR, body: { seconds: 60 } });
    await report(world, paymentOf(id));
    await settleDown(world);
    const returned = { lines: [{ sku, quantity: 1 }], ...RETURN };
    await world.call("POST", `/v1/orders/${id}/returns`, {
      as: OPERATOR,
      body: returned,
      headers: KEY(),
    });
    const changes = await reader.read();
    expect(stepsOf(changes, id)).toEqual([
      "order.placed 1",
      "order.confirmed 2",
      "order.extended 3",
      "order.paid 4",
      "order.returned 5",
    ]);
    const now = await world.call("GET", `/v1/orders/${id}`, { as: OPERATOR });
    const shown = changes.flatMap((change) => ("order" in change ? [change.order] : []));
    expect(shown).toEqual(shown.map(() => now.body));
    expect(changes.map(({ type }) => type)).toContain("payment.applied");
    const cursors = changes.map(({ cursor }) => cursor);
    expect(new Set(cursors).size).toBe(cursors.length);
  });

  test("list what repeats once, and refusals not at all", async () => {
    const world = await worldOf();
    const { sku, customer, id } = await confirmed(world);
    const reader = readerOf(world);
    await reader.read();
    const payment = paymentOf(id);
    for (let i = 0; i < 3; i++) await report(world, payment);
    expect((await world.cancel(id)).status).toBe(409);
    const key = KEY();
    for (let i = 0; i < 2; i++) await world.place(customer, [{ sku, quantity: 1 }], key);
    await world.place(customer, [{ sku: "NONE", quantity: 1 }], KEY());
    const types = (await reader.read()).map(({ type }) => type);
    expect(types).toEqual(["order.paid", "payment.applied", "order.placed"]);
  });

  test("have what happens by itself: expiry, and the successor of late money", async () => {
    const world = await worldOf({ vars: WINDOW });
    const reader = readerOf(world);
    await reader.read();
    const { id } = await expired(world);
    const { payment } = await report(world, paymentOf(id));
    await settleDown(world);
    const changes = await reader.read();
    expect(stepsOf(changes, id).at(-1)).toBe("order.cancelled 3");
    expect(stepsOf(changes, payment.successorId!)).toEqual([
      "order.placed 1",
      "order.confirmed 2",
      "order.paid 3",
    ]);
    const ofPayment = changes.filter((change) => "payment" in change);
    expect(ofPayment.map(({ type }) => type)).toEqual(["payment.waiting", "payment.applied"]);
  });

  test("have money that nobody is owed any more", async () => {
    const world = await worldOf();
    const reader = readerOf(world);
    await reader.read();
    const payment = paymentOf("no order");
    await report(world, payment);
    for (let i = 0; i < 2; i++) {
      await world.call("POST", `/v1/payments/${payment.reference}/refunded`, { as: OPERATOR });
    }
    const changes = await reader.read();
    expect(changes.map(({ type }) => type)).toEqual(["payment.unmatched", "payment.refunded"]);
    expect(changes[1]).toMatchObject({ payment: { ...payment, state: "refunded" } });
  });

  test("have items that sell out and come back", async () => {
    const world = await worldOf();
    const reader = readerOf(world);
    await reader.read();
    const sku = await world.stocked(1);
    await world.place(newCustomer(), [{ sku, quantity: 1 }], WAIT);
    await rereadAll(world);
    await world.receive(sku, 2);
    await world.receive(sku, 2);
    await rereadAll(world);
    const items = (await reader.read()).filter((change) => "item" in change);
    expect(items.map(({ type }) => type)).toEqual([
      "item.back_in_stock",
      "item.sold_out",
      "item.back_in_stock",
    ]);
    expect(items[1]).toMatchObject({ sku, item: { sku, name: sku, available: 4 } });
  });

  test("are read the same page by page, whatever the size of the pages", async () => {
    const world = await worldOf();
    const [small, large] = [readerOf(world, { limit: 1 }), readerOf(world, { limit: 500 })];
    await pending(world);
    const { id } = await confirmed(world);
    await report(world, paymentOf(id));
    const all = await large.read();
    expect(all.length).toBeGreaterThan(4);
    expect(await small.read()).toEqual(all);
    expect(small.cursor()).toBe(large.cursor());
  });

  test("off: nothing is listed", async () => {
    const world = await worldOf({ vars: { CHANGES: "off" } });
    const reader = readerOf(world);
    await reader.read();
    const { id } = await confirmed(world);
    await report(world, paymentOf(id));
    expect(await reader.read()).toEqual([]);
  });

  test("hold a reader that waits until something happens", async () => {
    const world = await worldOf();
    const reader = readerOf(world);
    await reader.read();
    const started_ms = Date.now();
    const waiting = world.call("GET", `/v1/changes?after=${reader.cursor()}`, {
      as: OPERATOR,
      headers: { Prefer: "wait=10" },
    });
    await report(world, paymentOf("no order"));
    const { headers, body } = await waiting;
    expect(body.changes).toHaveLength(1);
    expect(headers.get("Preference-Applied")).toBe("wait=10");
    expect(Date.now() - started_ms).toBeLessThan(5_000);
  });

  test("need operations:read, and a cursor of theirs", async () => {
    const world = await worldOf();
    expect((await world.call("GET", "/v1/changes", { as: newCustomer() })).status).toBe(403);
    for (const query of ["after=1", "after=", "limit=0", "limit=501", "from=1"]) {
      const { status } = await world.call("GET", `/v1/changes?${query}`, { as: OPERATOR });
      expect([query, status]).toEqual([query, 400]);
    }
  });
});

describe("a cursor", () => {
  const get = async (after: string) => {
    const world = await worldOf();
    const { status, body } = await world.call("GET", `/v1/changes?after=${after}`, {
      as: OPERATOR,
    });
    return [status, body.code];
  };

  test("of another epoch, or past the newest change, starts anew: 410", async () => {
    const world = await worldOf();
    const reader = readerOf(world);
    await report(world, paymentOf("no order"));
    await reader.read();
    const [epoch, row] = reader.cursor()!.split("-");
    expect(await get(`${epoch}-${row}-end`)).toEqual([200, undefined]);
    expect(await get(`${epoch}-${Number(row) + 1}-end`)).toEqual([410, "changes_reset"]);
    expect(await get(`abc-${row}-end`)).toEqual([410, "changes_reset"]);
  });

  test("that housekeeping has passed: 410; one at its edge goes on; the newest row stays", async () => {
    const world = await worldOf();
    const reader = readerOf(world);
    for (let i = 0; i < 3; i++) await report(world, paymentOf(`no order ${i}`));
    await reader.read();
    const [epoch, row = ""] = reader.cursor()!.split("-");
    const later = Date.now() + 31 * 86_400_000;
    for (let i = 0; i < 2; i++) await prune(env.DB, POLICY, NO_CURSORS, later);
    const { results } = await env.DB.prepare("SELECT id FROM changes").all<{ id: number }>();
    expect(results).toEqual([{ id: Number(row) }]);
    expect(await get(`${epoch}-${Number(row) - 1}-end`)).toEqual([200, undefined]);
    expect(await get(`${epoch}-${Number(row) - 1}-0`)).toEqual([410, "changes_reset"]);
    expect(await get(`${epoch}-${Number(row) - 2}-end`)).toEqual([410, "changes_reset"]);
    await report(world, paymentOf("no order at all"));
    expect(await reader.read()).toHaveLength(1);
  });
});
