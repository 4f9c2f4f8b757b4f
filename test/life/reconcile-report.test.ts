import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { newOrderId } from "../../src/contract/order-id.ts";
import type { Difference } from "../../src/orders/operators/difference.ts";
import { CASES, compareAll, forget, plant, settled } from "./support/differences.ts";
import { passAt } from "./support/reconcile.ts";
import { insertRows, orderRow } from "./support/rows.ts";
import { expectSettled, ledgerOf } from "./support/stock.ts";
import { migrate, OPERATOR, orderNow, worldOf, type World } from "./support/world.ts";

beforeEach(async () => {
  await reset();
  await migrate();
});

describe("POST /v1/operations/reconcile", () => {
  /** Every page over HTTP. */
  async function report(world: World, body: Record<string, unknown> = {}): Promise<Difference[]> {
    const differences: Difference[] = [];
    for (let cursor: unknown = null; ;) {
      const call = { as: OPERATOR, body: { ...body, ...(cursor !== null && { cursor }) } };
      const answer = await world.call("POST", "/v1/operations/reconcile", call);
      expect(answer.status).toBe(200);
      differences.push(...(answer.body["differences"] as Difference[]));
      cursor = answer.body["nextCursor"];
      if (cursor === null) return differences;
    }
  }

  test("reports without changing anything", async () => {
    const world = await worldOf();
    const { sku, id } = await settled(world, "cancelled");
    await plant(sku, id, "held");
    const before = await orderNow(id);
    expect(await report(world)).toMatchObject([{ kind: "unreleased" }]);
    expect(await orderNow(id)).toEqual(before);
  });

  test.each(CASES.filter(({ name }) => /holds units|only held/.test(name)))(
    "with repair: $name becomes due, and the next pass heals it",
    async ({ status, harm }) => {
      const world = await worldOf();
      const { sku, id } = await settled(world, status);
      await harm(sku, id);
      const before = await orderNow(id);
      expect(await report(world, { repair: true })).toHaveLength(1);
      const due = await orderNow(id);
      expect(due.awaits).toBe(status === "paid" ? "commit" : "release");
      expect(due.dueAt_ms).toBeLessThanOrEqual(Date.now());
      // No transition: history and revision stay.
      expect([due.revision, due.history]).toEqual([before.revision, before.history]);
      await passAt(Date.now());
      expect(await orderNow(id)).toEqual(before);
      expect((await compareAll()).differences).toEqual([]);
    },
  );

  test("with repair: an orphan is reported and stays as it is", async () => {
    const world = await worldOf();
    const { sku, id } = await settled(world, "confirmed");
    const orphan = newOrderId(Date.now());
    await plant(sku, orphan, "held");
    expect(await report(world, { repair: true })).toMatchObject([
      { kind: "orphan_lock", sku, orderId: orphan },
    ]);
    await passAt(Date.now() + 600_000);
    const { locks } = await env.STOCK.liveLocks(sku, "");
    expect(locks.map(({ orderId }) => orderId)).toEqual([id, orphan]);
  });

  test("with repair: a confirmed order calls for nothing, and is only reported", async () => {
    const world = await worldOf();
    const { sku, id } = await settled(world, "confirmed");
    await forget(sku, id);
    const before = await orderNow(id);
    expect(await report(world, { repair: true })).toMatchObject([{ kind: "missing_lock" }]);
    expect(await orderNow(id)).toEqual(before);
  });

  test("with repair: leaves what is right alone", async () => {
    const world = await worldOf();
    const { sku, id } = await settled(world, "paid");
    expect(await report(world, { repair: true })).toEqual([]);
    await expectSettled(sku, [id]);
    expect(await ledgerOf(sku)).toEqual(["receive", "lock", "commit"]);
  });

  test("answers 503 when the stock Worker is away, and 400 to a cursor that is none", async () => {
    const world = await worldOf({ stock: {} });
    await insertRows("orders", [orderRow({ lines: '[{"sku":"A","quantity":1}]' })]);
    const call = (body: Record<string, unknown>) =>
      world.call("POST", "/v1/operations/reconcile", { as: OPERATOR, body });
    expect(await call({})).toMatchObject({ status: 503, body: { code: "unavailable" } });
    for (const cursor of ["x", btoa("{}"), btoa('{"phase":"orders"}')]) {
      expect(await call({ cursor })).toMatchObject({
        status: 400,
        body: { code: "invalid_request" },
      });
    }
  });
});
