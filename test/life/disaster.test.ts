import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { readService } from "../../src/orders/database/service.sql.ts";
import { beat, putBack, snapshot } from "./support/restore.ts";
import {
  migrate,
  newCustomer,
  OPERATOR,
  orderNow,
  reconciler,
  WAIT,
  worldOf,
} from "./support/world.ts";

beforeEach(async () => {
  await reset();
  await migrate();
  vi.spyOn(console, "error").mockReturnValue(undefined);
  vi.spyOn(console, "warn").mockReturnValue(undefined);
});
afterEach(() => void vi.useRealTimers());

const pass = () => reconciler().poke();
const health = () => reconciler().health();

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
