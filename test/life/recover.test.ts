import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { recover, restore, settleEverything, thaw } from "./support/recovery.ts";
import { beat, pass_ms, putBack, snapshot, useDisasters } from "./support/restore.ts";
import { counters, deliver, expectSettled, settleAll, tamperItem } from "./support/stock.ts";
import { newCustomer, OPERATOR, orderNow, reconciler, WAIT, worldOf } from "./support/world.ts";

useDisasters();

const line = (sku: string, quantity = 1) => [{ sku, quantity }];

describe("recovery of a database that was put back", () => {
  test("gives everybody what they were told: pending, confirmed, paid and cancelled", async () => {
    const world = await worldOf({ vars: { SOLD_OUT_GATE: "off" } });
    const cup = await world.stocked(9, { limitPerCustomer: 5 });
    const pot = await world.stocked(9, {
      price: { amount: 250, currency: "EUR" },
      limitPerCustomer: 100,
    });
    const customers = Array.from({ length: 6 }, newCustomer);
    const [a = "", b = "", c = "", d = "", e = "", f = ""] = customers;
    // Before: one of each that is unfinished in the restored database.
    const { body: paidLater } = await world.place(a, line(cup), WAIT);
    const { body: cancelledLater } = await world.place(b, line(cup, 2), WAIT);
    const { body: stays } = await world.place(c, line(pot), WAIT);
    await beat();
    const before = await snapshot();
    await world.pay(paidLater.id);
    await world.cancel(cancelledLater.id);
    // After: orders that it has never heard of.
    const lines = [...line(cup, 2), ...line(pot, 3)];
    const keyed = { ...WAIT, "Idempotency-Key": "k-confirmed" };
    const { body: confirmed } = await world.place(d, lines, keyed);
    const { body: paid } = await world.place(e, lines, { ...WAIT, "Idempotency-Key": "k-paid" });
    await world.pay(paid.id);
    const { body: cancelled } = await world.place(f, line(pot), WAIT);
    await world.cancel(cancelled.id);
    const { body: refused } = await world.place(f, line(pot, 99), WAIT);
    const { outcomes } = await deliver(world.sent.splice(0));
    await settleAll(outcomes);

    await restore(before);
    const told = await recover(world, false);
    expect(await env.DB.prepare("SELECT count(*) AS n FROM orders").first("n")).toBe(3);
    const done = await recover(world);
    expect(done.orders.map(({ orderId }) => orderId).toSorted()).toEqual(
      told.orders.map(({ orderId }) => orderId).toSorted(),
    );
    // Not those that items of an earlier file have entered in the index of the shared workerd, late.
    const own = done.unrecoverable.filter(({ sku }) => [cup, pot].includes(sku));
    expect(own).toEqual([]);
    const status = async (id: string) => (await orderNow(id)).status;
    expect(await status(paidLater.id)).toBe("paid");
    expect(await status(cancelledLater.id)).toBe("cancelled");
    expect(await status(stays.id)).toBe("confirmed");
    expect(await status(confirmed.id)).toBe("confirmed");
    expect(await status(paid.id)).toBe("paid");
    expect(await orderNow(cancelled.id)).toMatchObject({
      status: "cancelled",
      reason: "not_recorded",
    });
    expect(refused.code).toBe("out_of_stock");
    expect(await orderNow(refused.order?.id ?? "")).toMatchObject({
      status: "cancelled",
      reason: "out_of_stock",
    });
    const rebuilt = await orderNow(confirmed.id);
    expect(rebuilt).toMatchObject({
      customerId: d,
      total: { amount: 950, currency: "EUR" },
      lines: [
        { sku: cup, quantity: 2, price: { amount: 100, currency: "EUR" }, limitPerCustomer: 5 },
        { sku: pot, quantity: 3, price: { amount: 250, currency: "EUR" }, limitPerCustomer: 100 },
      ],
    });
    expect(rebuilt.revision).toBeGreaterThan(confirmed.revision);

    await thaw(world);
    for (const [key, customer, id] of [
      ["k-confirmed", d, confirmed.id],
      ["k-paid", e, paid.id],
    ] as const) {
      const again = await world.place(customer, lines, { "Idempotency-Key": key });
      expect([again.status, again.body.id]).toEqual([200, id]);
      expect(again.headers.get("Idempotency-Replayed")).toBe("true");
    }
    await settleEverything(world);
    const ids = [paidLater, cancelledLater, stays, confirmed, paid, cancelled].map(({ id }) => id);
    for (const sku of [cup, pot]) await expectSettled(sku, ids);
  });

  test("takes an order up half way between its locks and its outcome", async () => {
    const world = await worldOf();
    const [a, b] = [await world.stocked(5), await world.stocked(5)];
    await beat();
    const before = await snapshot();
    const lines = [...line(a), ...line(b)];
    // Locked at both items, and D1 has never heard; locked at one of two; and known to none.
    const { body: locked } = await world.place(newCustomer(), lines);
    await deliver(world.sent.splice(0));
    const { body: half } = await world.place(newCustomer(), lines);
    const [event] = world.sent.splice(0);
    await deliver([{ ...event!, lines: [{ sku: a, quantity: 1 }] } as never]);
    const { body: unseen } = await world.place(newCustomer(), lines);
    world.sent.splice(0);
    await restore(before);
    await recover(world);
    expect((await orderNow(locked.id)).status).toBe("confirmed");
    expect((await orderNow(half.id)).status).toBe("pending");
    await expect(orderNow(unseen.id)).rejects.toThrow(/no order/);
    await thaw(world);
    await settleEverything(world);
    for (const sku of [a, b]) await expectSettled(sku, [locked.id, half.id]);
    expect((await orderNow(half.id)).status).toBe("confirmed");
  });

  test("rebuilds an order that was cancelled before any item had heard of it", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    await beat();
    const before = await snapshot();
    const { body: placed } = await world.place(newCustomer(), line(sku, 2));
    const placing = world.sent.splice(0);
    await world.cancel(placed.id);
    await deliver(world.sent.splice(0));
    await deliver(placing);
    await restore(before);
    expect((await recover(world)).unrecoverable).toEqual([]);
    expect(await orderNow(placed.id)).toMatchObject({
      status: "cancelled",
      reason: "not_recorded",
      lines: [{ sku, quantity: 2 }],
    });
  });

  test("knows the lines of an item that has forgotten the order, from its other items", async () => {
    const world = await worldOf();
    const [a, b] = [await world.stocked(5), await world.stocked(5)];
    await beat();
    const before = await snapshot();
    const { body: placed } = await world.place(newCustomer(), [...line(a), ...line(b, 2)], WAIT);
    await world.pay(placed.id);
    const { outcomes } = await deliver(world.sent.splice(0));
    await settleAll(outcomes);
    await tamperItem(b, "DELETE FROM locks");
    await restore(before);
    await recover(world);
    const order = await orderNow(placed.id);
    expect(order.status).toBe("paid");
    expect(order.lines.map(({ sku, quantity }) => [sku, quantity])).toEqual([
      [a, 1],
      [b, 2],
    ]);
  });

  test("brings an item back as a draft that the catalogue has lost, with its orders", async () => {
    const world = await worldOf();
    await beat();
    const before = await snapshot();
    const sold = await world.stocked(5, { name: "A late idea" });
    const idle = await world.stocked(5);
    const { body: placed } = await world.place(newCustomer(), line(sold), WAIT);
    await restore(before);
    const { drafts, unrecoverable } = await recover(world);
    expect(drafts).toEqual([sold]);
    expect(unrecoverable).toEqual([{ sku: idle, orderId: null, why: "unknown_item" }]);
    expect((await orderNow(placed.id)).status).toBe("confirmed");
    const item = env.DB.prepare("SELECT name, status FROM items WHERE sku = ?").bind(sold);
    expect(await item.first()).toEqual({ name: "A late idea", status: "draft" });
  });

  test("names what an item keeps too little of", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    await beat();
    const before = await snapshot();
    const { body: placed } = await world.place(newCustomer(), line(sku), WAIT);
    // As a version before this one has left it.
    await tamperItem(sku, "UPDATE locks SET origin = NULL");
    await restore(before);
    expect((await recover(world)).unrecoverable).toEqual([
      { sku, orderId: placed.id, why: "no_record" },
    ]);
  });

  test("goes on after it was killed half way, and begins anew after a second restore", async () => {
    const world = await worldOf();
    const sku = await world.stocked(9);
    await beat();
    const before = await snapshot();
    const { body: placed } = await world.place(newCustomer(), line(sku), WAIT);
    await restore(before);
    pass_ms(31_000);
    const first = await world.call("POST", "/v1/operations/recover", {
      as: OPERATOR,
      body: { apply: true },
    });
    expect(first.status).toBe(200);
    await putBack(before);
    const early = await world.call("POST", "/v1/operations/thaw", { as: OPERATOR });
    expect([early.status, early.body.code]).toEqual([409, "recovery_needed"]);
    await recover(world);
    await recover(world);
    expect((await orderNow(placed.id)).status).toBe("confirmed");
    await thaw(world);
    await settleEverything(world);
    await expectSettled(sku, [placed.id]);
  });

  test("waits for what is still on its way, and is for a frozen service only", async () => {
    const world = await worldOf();
    const call = (body: object) =>
      world.call("POST", "/v1/operations/recover", { as: OPERATOR, body });
    expect((await call({})).body.code).toBe("not_frozen");
    await world.call("POST", "/v1/operations/freeze", { as: OPERATOR });
    const waits = await call({ apply: true });
    expect([waits.status, waits.body.code]).toEqual([409, "recovery_waits"]);
    expect(Number(waits.headers.get("Retry-After"))).toBeGreaterThan(0);
    expect((await call({ apply: true, force: true })).status).toBe(200);
    expect((await call({})).status).toBe(200);
  });

  test("no deadline ends an order before its buyer had time to pay", async () => {
    const world = await worldOf({ vars: { PAYMENT_WINDOW_SECONDS: "60" } });
    const sku = await world.stocked(5);
    const { body: held } = await world.place(newCustomer(), line(sku), WAIT);
    await world.call("POST", "/v1/operations/freeze", { as: OPERATOR });
    const pay = await world.pay(held.id);
    expect([pay.status, pay.body.code, pay.headers.get("Retry-After")]).toEqual([
      503,
      "frozen",
      "30",
    ]);
    pass_ms(120_000);
    await reconciler().poke();
    await thaw(world);
    await reconciler().poke();
    expect((await orderNow(held.id)).status).toBe("confirmed");
    pass_ms(121_000);
    await reconciler().poke();
    expect((await orderNow(held.id)).reason).toBe("payment_timeout");
    await settleEverything(world);
    expect(await counters(sku)).toMatchObject({ available: 5, held: 0 });
  });
});

describe("a lock without an order", () => {
  test("is released, or adopted, by an operator's call and never by repair", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    const lost = [];
    for (const _ of [1, 2]) lost.push((await world.place(newCustomer(), line(sku), WAIT)).body.id);
    await env.DB.prepare("DELETE FROM orders").run();
    const reconcile = { as: OPERATOR, body: { repair: true } };
    await world.call("POST", "/v1/operations/reconcile", reconcile);
    const settle = (orderId: string, action: string) =>
      world.call("POST", "/v1/operations/orphans", {
        as: OPERATOR,
        body: { sku, orderId, action },
      });
    await runInDurableObject(reconciler(), (_it, { storage }) => storage.deleteAlarm());
    expect((await settle(lost[0]!, "adopt")).body).toEqual({
      orderId: lost[0],
      status: "confirmed",
    });
    // Its deadline may have passed long ago.
    const alarm_ms = await runInDurableObject(reconciler(), (_it, { storage }) =>
      storage.getAlarm(),
    );
    expect(alarm_ms).toBeLessThanOrEqual(Date.now() + 60_000);
    expect(alarm_ms).not.toBeNull();
    expect((await settle(lost[0]!, "release")).body.code).toBe("not_an_orphan");
    expect((await settle(lost[1]!, "release")).body).toEqual({ orderId: lost[1], status: null });
    expect(await counters(sku)).toMatchObject({ available: 4, held: 1 });
    await expectSettled(sku, [lost[0]!]);
  });
});
