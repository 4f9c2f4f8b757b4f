import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { newOrderId } from "../../src/contract/order-id.ts";
import { stockReturned } from "../../src/contract/stock-events.ts";
import { settle } from "../../src/orders/outcomes/settle.ts";
import { recordPayment } from "../../src/orders/payments/record-payment.ts";
import { recordReturn } from "../../src/orders/returns/record-return.ts";
import { observed } from "../support/d1.ts";
import { committed, locked, pendingOrder, portsWith } from "./support/data.ts";
import { envWith, migrate } from "./support/worker.ts";

/** Rows that D1 writes for what comes after an order is confirmed (docs/performance.md). */

beforeAll(migrate);

const SHOP = { kind: "service", sub: "shop" } as const;

async function ofPayment(id: string, parts: object = {}): Promise<[trips: number, rows: number]> {
  const { db, trips, rowsWritten } = observed(env.DB);
  const payment = { reference: crypto.randomUUID(), orderId: id, amount: 250, currency: "EUR" };
  const own = envWith({ DB: db });
  await recordPayment(own, { ...payment, ...parts }, SHOP, () => undefined);
  return [trips.length, rowsWritten()];
}

async function confirmedOrder(): Promise<string> {
  const { id } = await pendingOrder();
  await settle([locked(id)], portsWith());
  return id;
}

describe("one round trip each, and so many rows in D1, one of them for the changes:", () => {
  it("a payment that pays its order: 4 more for itself, 2 for the order and 1 for the minute", async () => {
    expect(await ofPayment(await confirmedOrder())).toEqual([1, 8]);
  });

  it("a payment that is to be refunded: 4 more", async () => {
    expect(await ofPayment("unknown")).toEqual([1, 5]);
  });

  it("a payment that waits: 4 more, and 3 more than its confirmation alone when it is applied", async () => {
    const [{ id }, alone] = [await pendingOrder(), await pendingOrder()];
    expect(await ofPayment(id)).toEqual([1, 5]);
    const rowsOf = async (order: string) => {
      const { db, rowsWritten } = observed(env.DB);
      await settle([locked(order)], portsWith({ db }));
      return rowsWritten();
    };
    expect((await rowsOf(id)) - (await rowsOf(alone.id))).toBeLessThanOrEqual(5);
  });

  it("a return: 4 more for itself, 1 for the order, 1 for the minute if it is the last, and 1 when it is applied", async () => {
    const id = await confirmedOrder();
    await ofPayment(id);
    await settle([committed(id)], portsWith());
    const { db, trips, rowsWritten } = observed(env.DB);
    const order = await env.DB.prepare("SELECT lines FROM orders WHERE id = ?")
      .bind(id)
      .first<{ lines: string }>();
    const [line] = JSON.parse(order?.lines ?? "[]") as { sku: string }[];
    const wanted = {
      id: newOrderId(Date.now()),
      orderId: id,
      lines: [{ sku: line?.sku ?? "", quantity: 1 }],
      restock: true,
      reason: "x",
      actor: SHOP,
      keyOwner: "shop",
      key: id,
    };
    await recordReturn(envWith({ DB: db }), wanted, () => undefined);
    expect([trips.length, rowsWritten()]).toEqual([1, 7]);
    const applied = observed(env.DB);
    const outcome = stockReturned(id, wanted.id, Date.now());
    await settle([outcome], portsWith({ db: applied.db }));
    expect(applied.rowsWritten()).toBe(1);
  });
});
