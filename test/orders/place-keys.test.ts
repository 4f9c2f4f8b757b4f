import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { newOrderId } from "../../src/contract/order-id.ts";
import type { OrderView } from "../../src/orders/order/order.ts";
import { placeAll } from "../../src/orders/place/placement.sql.ts";
import { addItem, orderNow, POLICY, tamper } from "./support/data.ts";
import { call, newCustomer, problemOf, rowCounts, tokenFor } from "./support/worker.ts";
import { migrate } from "./support/worker.ts";

beforeAll(migrate);

type Lines = { sku: string; quantity: number }[];

/** What one customer posts with a key. */
async function shopper(customerId = newCustomer()) {
  const token = await tokenFor(customerId);
  return (key: string, lines: Lines) =>
    call("POST", "/v1/orders", { token, body: { lines }, headers: { "Idempotency-Key": key } });
}

const orderIn = (response: Response): Promise<OrderView> => response.json();
const one = (sku: string): Lines => [{ sku, quantity: 1 }];

describe("invariant 8: the same key and the same order", () => {
  it("answer with the same order, marked as replayed", async () => {
    const post = await shopper();
    const lines = one(await addItem());
    const first = await post("k", lines);
    const again = await post("k", lines);
    expect([first.status, again.status]).toEqual([202, 202]);
    expect(first.headers.has("Idempotency-Replayed")).toBe(false);
    expect(again.headers.get("Idempotency-Replayed")).toBe("true");
    expect(again.headers.get("Location")).toBe(first.headers.get("Location"));
    expect(await orderIn(again)).toEqual(await orderIn(first));
  });

  it("lines in another order, or split, are the same order", async () => {
    const post = await shopper();
    const [a, b] = [await addItem(), await addItem()];
    const { id } = await orderIn(
      await post("k", [
        { sku: a, quantity: 3 },
        { sku: b, quantity: 1 },
      ]),
    );
    const again = await post("k", [
      { sku: b, quantity: 1 },
      { sku: a, quantity: 2 },
      { sku: a, quantity: 1 },
    ]);
    expect((await orderIn(again)).id).toBe(id);
  });

  it("show the order as it stands: 200 once it is decided", async () => {
    const post = await shopper();
    const lines = one(await addItem());
    const { id } = await orderIn(await post("k", lines));
    await tamper(id, { status: "confirmed", awaits: null, due_at: null, revision: 2 });
    const again = await post("k", lines);
    expect(again.status).toBe(200);
    expect(await orderIn(again)).toMatchObject({ id, status: "confirmed", revision: 2 });
  });

  it("one order comes of 50 concurrent requests", async () => {
    const post = await shopper();
    const lines = one(await addItem());
    const { orders, idempotency_keys } = await rowCounts();
    const answers = await Promise.all(Array.from({ length: 50 }, () => post("k", lines)));
    const ids = new Set(
      await Promise.all(answers.map(async (answer) => (await orderIn(answer)).id)),
    );
    expect(ids.size).toBe(1);
    expect(answers.filter(({ headers }) => !headers.has("Idempotency-Replayed"))).toHaveLength(1);
    expect(await rowCounts()).toMatchObject({
      orders: orders! + 1,
      idempotency_keys: idempotency_keys! + 1,
    });
  });

  it("give the order whatever was sold out, ended or taken off the catalogue since", async () => {
    const post = await shopper();
    const skus = [await addItem(), await addItem(), await addItem()];
    const [soldOut, ended, gone] = skus;
    const lines = skus.map((sku) => ({ sku, quantity: 1 }));
    const { id } = await orderIn(await post("k", lines));
    await addItem({ available: 0, levelAge_ms: 0 }, soldOut);
    await addItem({ saleEndsAt_ms: 1 }, ended);
    await env.DB.prepare("DELETE FROM items WHERE sku = ?").bind(gone).run();
    const again = await post("k", lines);
    expect(again.headers.get("Idempotency-Replayed")).toBe("true");
    expect((await orderIn(again)).id).toBe(id);
    expect((await post("other", lines)).status).toBe(422);
  });

  it("a quoted key is the bare key", async () => {
    const post = await shopper();
    const lines = one(await addItem());
    const { id } = await orderIn(await post('a "b" \\ c', lines));
    const again = await post('"a \\"b\\" \\\\ c"', lines);
    expect((await orderIn(again)).id).toBe(id);
  });
});

describe("invariant 8: a key", () => {
  it("used for another order is refused, and the first order stays", async () => {
    const post = await shopper();
    const [a, b] = [await addItem(), await addItem()];
    const { id } = await orderIn(await post("k", one(a)));
    const before = await rowCounts();
    for (const lines of [one(b), [{ sku: a, quantity: 2 }], [...one(a), ...one(b)]]) {
      const answer = await post("k", lines);
      expect(answer.status).toBe(422);
      expect((await problemOf(answer)).code).toBe("idempotency_key_reused");
    }
    expect(await rowCounts()).toEqual(before);
    expect(await orderNow(id)).toMatchObject({ revision: 1, lines: [{ sku: a, quantity: 1 }] });
  });

  it("is the customer's own: another's same key is another order", async () => {
    const lines = one(await addItem());
    const ids = await Promise.all(
      [await shopper(), await shopper()].map(
        async (post) => (await orderIn(await post("k", lines))).id,
      ),
    );
    expect(new Set(ids).size).toBe(2);
  });

  it("is not bound by a refusal at the door", async () => {
    const post = await shopper();
    const sku = await addItem({ available: 0, levelAge_ms: 0 });
    const refusal = await post("k", one(sku));
    expect(refusal.status).toBe(409);
    const problem = await problemOf(refusal);
    expect(problem).toMatchObject({
      code: "out_of_stock",
      shortages: [{ sku, requested: 1, available: 0, reason: "out_of_stock" }],
    });
    expect(problem).not.toHaveProperty("order");
    expect(refusal.headers.has("Location")).toBe(false);
    await addItem({ available: 5, levelAge_ms: 0 }, sku);
    const placed = await post("k", [{ sku, quantity: 2 }]);
    expect(placed.status).toBe(202);
    expect(placed.headers.has("Idempotency-Replayed")).toBe(false);
  });

  it("without one, the same order twice is two orders", async () => {
    const token = await tokenFor(newCustomer());
    const body = { lines: one(await addItem()) };
    const first = await orderIn(await call("POST", "/v1/orders", { token, body }));
    const second = await orderIn(await call("POST", "/v1/orders", { token, body }));
    expect(second.id).not.toBe(first.id);
  });
});

describe("a key whose order was pruned is free", () => {
  /** A key with an order, which housekeeping then takes away. */
  async function pruned() {
    const customerId = newCustomer();
    const post = await shopper(customerId);
    const lines = one(await addItem());
    const { id } = await orderIn(await post("k", lines));
    await env.DB.prepare("DELETE FROM orders WHERE id = ?").bind(id).run();
    return { customerId, post, lines, id };
  }

  it("and a new order takes it over, which repeats then get", async () => {
    const { post, lines, id } = await pruned();
    const first = await post("k", lines);
    expect([first.status, first.headers.has("Idempotency-Replayed")]).toEqual([202, false]);
    const order = await orderIn(first);
    expect(order.id).not.toBe(id);
    const again = await post("k", lines);
    expect(again.headers.get("Idempotency-Replayed")).toBe("true");
    expect((await orderIn(again)).id).toBe(order.id);
    expect((await post("k", one(await addItem()))).status).toBe(422);
  });

  it("for another order as well, and kept as long as a new key", async () => {
    const { customerId, post } = await pruned();
    await env.DB.prepare("UPDATE idempotency_keys SET created_at = 0 WHERE customer_id = ?")
      .bind(customerId)
      .run();
    const before_ms = Date.now();
    expect((await post("k", one(await addItem()))).status).toBe(202);
    const row = await env.DB.prepare(
      "SELECT created_at FROM idempotency_keys WHERE customer_id = ?",
    )
      .bind(customerId)
      .first<{ created_at: number }>();
    expect(row?.created_at).toBeGreaterThanOrEqual(before_ms);
  });

  it("and stays free when the new order is refused at the door", async () => {
    const { post, lines } = await pruned();
    expect((await post("k", [{ sku: "no-such-item", quantity: 1 }])).status).toBe(422);
    expect((await post("k", lines)).status).toBe(202);
  });

  it("and of isolates that race for it one has it, with one order", async () => {
    const { customerId, lines } = await pruned();
    const candidates = Array.from({ length: 8 }, () => {
      return { id: newOrderId(Date.now()), customerId, key: "k", lines };
    });
    const { orders } = await rowCounts();
    const placements = await Promise.all(
      candidates.map((candidate) => placeAll(env.DB, [candidate], POLICY, Date.now())),
    );
    const ids = placements.map(([placement]) =>
      placement && "order" in placement ? placement.order.id : placement?.type,
    );
    expect(new Set(ids).size).toBe(1);
    expect(placements.filter(([placement]) => placement?.type === "placed")).toHaveLength(1);
    expect((await rowCounts()).orders).toBe((orders ?? 0) + 1);
  });
});
