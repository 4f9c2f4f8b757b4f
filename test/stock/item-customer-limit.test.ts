import { afterEach, describe, expect, test, vi } from "vitest";
import {
  AHEAD_MS,
  apply,
  commit,
  DAY_MS,
  daysUntil,
  item,
  lock,
  newOrders,
  receive,
  release,
  rows,
  setTime,
} from "./fixtures.ts";

afterEach(() => vi.useRealTimers());

/** Locks units for a customer in a new order, with a limit of 3 unless told. */
async function buy(sku: string, quantity: number, customerId = "ann", limit: number | null = 3) {
  const [order] = newOrders(1) as [string];
  const [answer] = await apply(sku, lock(order, { quantity, customerId, limit }));
  return { order, answer };
}

describe("the limit per customer", () => {
  test("counts what the customer's orders hold together, and each customer alone", async () => {
    await receive("together", 100);
    expect((await buy("together", 2)).answer).toBe("locked");
    expect((await buy("together", 2)).answer).toBe("refused");
    expect((await buy("together", 1)).answer).toBe("locked");
    expect((await buy("together", 1)).answer).toBe("refused");
    expect((await buy("together", 3, "bob")).answer).toBe("locked");
  });

  test("is not passed by orders of one call or of many calls at once", async () => {
    await receive("at-once", 100);
    const commands = newOrders(10).map((id) => lock(id, { limit: 3 }));
    const types = await apply("at-once", ...commands);
    expect(types.filter((type) => type === "locked")).toHaveLength(3);

    const bobs = await Promise.all(Array.from({ length: 10 }, () => buy("at-once", 1, "bob")));
    expect(bobs.filter(({ answer }) => answer === "locked")).toHaveLength(3);
  });

  test("is told with the figures of the decision", async () => {
    await receive("figures", 10);
    const [order] = newOrders(1) as [string];
    const { answers } = await item("figures").apply("figures", [
      lock(order, { quantity: 4, limit: 3 }),
    ]);
    expect(answers).toEqual([
      { type: "refused", shortage: { requested: 4, available: 10, reason: "limit_exceeded" } },
    ]);
  });

  test("is lowered by a release, and only once", async () => {
    await receive("released", 100);
    const { order } = await buy("released", 3);
    await apply("released", release(order), release(order));
    expect((await buy("released", 3)).answer).toBe("locked");
    expect((await buy("released", 1)).answer).toBe("refused");
  });

  test("is not lowered by a sale, by a refusal or by its release", async () => {
    await receive("sold", 100);
    const { order } = await buy("sold", 3);
    await apply("sold", commit(order));
    const { order: refused, answer } = await buy("sold", 1);
    expect(answer).toBe("refused");
    await apply("sold", release(refused));
    expect((await buy("sold", 1)).answer).toBe("refused");
  });

  test("is not counted twice by a repeat", async () => {
    await receive("repeated", 100);
    const { order } = await buy("repeated", 2);
    for (let i = 0; i < 3; i++) await apply("repeated", lock(order, { quantity: 2, limit: 3 }));
    expect((await buy("repeated", 1)).answer).toBe("locked");
  });

  test("given for the first time counts what was sold and held before without one", async () => {
    await receive("first", 100);
    const [held, sold, released] = [
      await buy("first", 1, "ann", null),
      await buy("first", 1, "ann", null),
      await buy("first", 5, "ann", null),
    ];
    await apply("first", commit(sold.order), release(released.order));
    expect(await rows("first", "SELECT * FROM customers")).toEqual([]);
    expect((await buy("first", 2)).answer).toBe("refused");
    expect((await buy("first", 1)).answer).toBe("locked");
    await apply("first", release(held.order));
    expect((await buy("first", 1)).answer).toBe("locked");
  });

  test("given for the first time counts what the same call locked before it", async () => {
    await receive("same-call", 100);
    const [before, first, second] = newOrders(3) as [string, string, string];
    const answers = await apply(
      "same-call",
      lock(before, { quantity: 2 }),
      lock(first, { limit: 3 }),
      lock(second, { limit: 3 }),
    );
    expect(answers).toEqual(["locked", "locked", "refused"]);
    expect(await rows("same-call", "SELECT units FROM customers")).toEqual([{ units: 3 }]);
  });

  test("counts orders without a limit once it has been given", async () => {
    await receive("mixed", 100);
    await buy("mixed", 1);
    await buy("mixed", 2, "ann", null);
    expect((await buy("mixed", 1)).answer).toBe("refused");
  });

  test("still counts a sale whose lock was pruned", async () => {
    setTime(Date.now() + AHEAD_MS);
    await receive("pruned", 100);
    const { order } = await buy("pruned", 3);
    await apply("pruned", commit(order));
    await daysUntil("pruned", Date.now(), Date.now() + 31 * DAY_MS);
    expect(await rows("pruned", "SELECT * FROM locks")).toEqual([]);
    expect((await buy("pruned", 1)).answer).toBe("refused");
  });

  test("forgets a customer who has nothing left", async () => {
    await receive("gone", 100);
    const { order } = await buy("gone", 3);
    await buy("gone", 1, "bob");
    await apply("gone", release(order));
    expect(await rows("gone", "SELECT * FROM customers")).toEqual([
      { customer_id: "bob", units: 1 },
    ]);
  });
});
