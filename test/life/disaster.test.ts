import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { readService } from "../../src/orders/database/service.sql.ts";
import { beat, putBack, snapshot, useDisasters } from "./support/restore.ts";
import { newCustomer, OPERATOR, orderNow, reconciler, WAIT, worldOf } from "./support/world.ts";

useDisasters();

const pass = () => reconciler().poke();
const health = () => reconciler().health();

describe("a frozen service", () => {
  test("changes nothing, and answers reads", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    const customer = newCustomer();
    const { body: held } = await world.place(customer, [{ sku, quantity: 1 }], WAIT);
    const { body: paid } = await world.place(customer, [{ sku, quantity: 1 }], WAIT);
    await world.pay(paid.id);
    const money = { reference: "p1", orderId: "nobody", amount: 1, currency: "EUR" };
    await world.call("POST", "/v1/payments", { as: OPERATOR, body: money });
    await world.call("POST", "/v1/operations/freeze", { as: OPERATOR });
    const before = await snapshot();
    const headers = { "Idempotency-Key": "k" };
    const lines = [{ sku, quantity: 1 }];
    const back = { lines, restock: true, reason: "x" };
    const calls: [string, object?][] = [
      ["/v1/orders", { lines }],
      [`/v1/orders/${held.id}/pay`],
      [`/v1/orders/${held.id}/cancel`],
      [`/v1/orders/${held.id}/extend`, { seconds: 5 }],
      [`/v1/orders/${paid.id}/returns`, back],
      ["/v1/payments", { ...money, reference: "p2" }],
      ["/v1/payments/p1/refunded"],
    ];
    for (const [path, body] of calls) {
      const answer = await world.call("POST", path, { as: OPERATOR, body, headers });
      expect([path, answer.status, answer.body.code]).toEqual([path, 503, "frozen"]);
    }
    const erased = await world.call("DELETE", `/v1/customers/${customer}`, { as: OPERATOR });
    expect([erased.status, erased.body.code]).toEqual([503, "frozen"]);
    await reconciler().poke();
    expect(await snapshot()).toEqual(before);
    for (const path of ["/v1/operations", "/v1/items", `/v1/orders/${held.id}`]) {
      expect((await world.call("GET", path, { as: OPERATOR })).status).toBe(200);
    }
    const { body } = await world.call("GET", "/v1/operations", { as: OPERATOR });
    expect(body.frozen).toMatchObject({ reason: "operator", restoredTo: null });
    await world.call("POST", "/v1/operations/thaw", { as: OPERATOR });
    expect((await world.pay(held.id)).status).toBe(200);
  });
});

describe("a database that was put back", () => {
  test("freezes the service before anything is done by the clock, and one that was away does not", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    const { body: held } = await world.place(newCustomer(), [{ sku, quantity: 1 }], WAIT);
    await pass();
    const before = await snapshot();
    await pass();
    expect((await health()).frozen).toBeNull();
    await world.pay(held.id);
    await beat();
    await putBack(before);
    // Its window has run out in the meantime.
    await env.DB.prepare("UPDATE orders SET pay_by = 1, due_at = 1").run();
    await pass();
    expect((await health()).frozen).toMatchObject({ reason: "database_put_back" });
    expect((await orderNow(held.id)).status).toBe("confirmed");
    expect(await readService(env.DB)).toMatchObject({ isFrozen: true });
  });

  test("is noticed by the first order, payment and cancellation, before any pass", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    const { body: held } = await world.place(newCustomer(), [{ sku, quantity: 1 }], WAIT);
    await beat();
    const before = await snapshot();
    await beat();
    await world.place(newCustomer(), [{ sku, quantity: 1 }]);
    await putBack(before);
    const answers = await Promise.all([
      world.place(newCustomer(), [{ sku, quantity: 1 }]),
      world.pay(held.id),
      world.cancel(held.id),
      world.call("POST", "/v1/payments", {
        as: OPERATOR,
        body: { reference: "p1", orderId: held.id, amount: 100, currency: "EUR" },
      }),
    ]);
    expect(answers.map(({ status, body }) => [status, body.code])).toEqual(
      answers.map(() => [503, "frozen"]),
    );
    expect((await orderNow(held.id)).status).toBe("confirmed");
  });
});
