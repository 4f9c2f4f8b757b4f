import { env } from "cloudflare:workers";
import { beforeAll, expect, it } from "vitest";
import { newOrderId } from "../../src/contract/order-id.ts";
import type { ChangeView } from "../../src/orders/changes/change.ts";
import { INSERT_ORDERS, orderRow } from "../support/order.ts";
import { call, migrate, operatorToken } from "./support/worker.ts";

beforeAll(migrate);

/** The largest lines that a request can make: 50, with names of 200 characters. */
const LINES = JSON.stringify(
  Array.from({ length: 50 }, (_, i) => ({
    sku: `${i}`.padStart(64, "S"),
    name: "東".repeat(200),
    quantity: 999,
    price: { amount: 99_999_999, currency: "EUR" },
    limitPerCustomer: null,
  })),
);
const ORDERS = 500;
/** 1 MB as stored; as JSON an order is no longer than that, and the last one may pass the bound. */
const MAX_BYTES = 1_200_000;

it("a page of 500 changes of the longest orders stays below a bound, and none is left out", async () => {
  const rows = Array.from({ length: ORDERS }, () =>
    orderRow({ id: newOrderId(Date.now()), lines: LINES, awaits: null, due_at: null }),
  );
  for (let i = 0; i < ORDERS; i += 25) {
    await env.DB.prepare(INSERT_ORDERS)
      .bind(JSON.stringify(rows.slice(i, i + 25)))
      .run();
  }
  const entries = rows.map(({ id }) => ["order.placed", id, 1]);
  await env.DB.prepare("INSERT INTO changes (at, entries) VALUES (1, ?)")
    .bind(JSON.stringify(entries))
    .run();
  const token = await operatorToken();
  const found: string[] = [];
  let after = "";
  let pages = 0;
  for (;;) {
    const response = await call("GET", `/v1/changes?limit=500${after}`, { token });
    const text = await response.text();
    expect(new TextEncoder().encode(text).length).toBeLessThan(MAX_BYTES);
    const page = JSON.parse(text) as { changes: ChangeView[]; nextCursor: string };
    if (page.changes.length === 0) break;
    found.push(...page.changes.flatMap((change) => ("order" in change ? [change.orderId] : [])));
    after = `&after=${page.nextCursor}`;
    pages++;
  }
  expect(found).toEqual(rows.map(({ id }) => id));
  expect(pages).toBeGreaterThan(10);
});
