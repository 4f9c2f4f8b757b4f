import { reset, runInDurableObject } from "cloudflare:test";
import { beforeEach, expect, test } from "vitest";
import { storeDeadLetters } from "../../src/orders/dead-letters/dead-letters.sql.ts";
import type { Alert } from "../../src/orders/operators/alerts.ts";
import type { Reconciler } from "../../src/orders/worker.ts";
import { paymentOf, report } from "./support/money.ts";
import { migrate, OPERATOR, reconciler, type World, worldOf } from "./support/world.ts";

/** Each alert, caused as it would be, and gone when its cause is. */

// Each shows every alert that there is, also one that another test has left.
beforeEach(async () => {
  await reset();
  await migrate();
});

const codes = async (world: World): Promise<string[]> => {
  const { body } = await world.call("GET", "/v1/operations", { as: OPERATOR });
  return (body["alerts"] as Alert[]).map(({ code }) => code);
};

test("the stock Worker does not answer: until it does", async () => {
  const away = await worldOf({
    stock: { levels: () => Promise.reject(new Error("away")) },
  });
  await worldOf().then((world) => world.stocked(1));
  await worldOf({ stock: away.env.STOCK });
  await reconciler().poke();
  expect(await codes(away)).toEqual(["stock_away"]);
  const back = await worldOf();
  await reconciler().poke();
  expect(await codes(back)).toEqual([]);
});

test("the cron is silent: until it runs", async () => {
  const world = await worldOf();
  await reconciler().poke();
  await runInDurableObject(reconciler(), (_: Reconciler, { storage }) =>
    storage.kv.put("cron", Date.now() - 200_000),
  );
  expect(await codes(world)).toEqual(["cron_silent"]);
  await reconciler().poke();
  expect(await codes(world)).toEqual([]);
});

test("money that belongs to no order: until it is refunded", async () => {
  const world = await worldOf();
  const payment = paymentOf("no order");
  await report(world, payment);
  expect(await codes(world)).toEqual(["money_unmatched"]);
  await world.call("POST", `/v1/payments/${payment.reference}/refunded`, { as: OPERATOR });
  expect(await codes(world)).toEqual([]);
});

test("dead letters: until they are discarded", async () => {
  const world = await worldOf();
  const letter = { id: "l1", queue: "stock-events", body: {}, attempts: 1, error: "bad" };
  await storeDeadLetters(world.env.DB, [{ ...letter, at: new Date().toISOString() }]);
  expect(await codes(world)).toEqual(["dead_letters"]);
  await world.call("DELETE", "/v1/dead-letters/l1", { as: OPERATOR });
  expect(await codes(world)).toEqual([]);
});
