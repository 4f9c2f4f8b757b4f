import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { newOrderId } from "../../src/contract/order-id.ts";
import { listOrders } from "../../src/orders/order/order-list.sql.ts";
import type { OrderView } from "../../src/orders/order/order.ts";
import { settle } from "../../src/orders/outcomes/settle.ts";
import { observed } from "../support/d1.ts";
import { INSERT_ORDERS, orderRow, SETTLED } from "../support/order.ts";
import { addItem, locked, pendingOrder, portsWith } from "./support/data.ts";
import {
  call,
  migrate,
  newCustomer,
  operatorToken,
  problemOf,
  tokenFor,
} from "./support/worker.ts";

beforeAll(migrate);

interface Page {
  orders: OrderView[];
  nextCursor: string | null;
}

async function listed(token: string, query = ""): Promise<Page> {
  const response = await call("GET", `/v1/orders${query}`, { token });
  expect(response.status).toBe(200);
  return response.json();
}

async function allPages(token: string, query: string): Promise<string[][]> {
  const pages: string[][] = [];
  let cursor: string | null = null;
  do {
    const next: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page: Page = await listed(token, `?${query}${next}`);
    pages.push(page.orders.map(({ id }) => id));
    cursor = page.nextCursor;
  } while (cursor !== null);
  return pages;
}

describe("the list of orders", () => {
  it("goes page by page, newest first, each order once, and its own only", async () => {
    const [customerId, stranger] = [newCustomer(), newCustomer()];
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) {
      ids.unshift((await pendingOrder({ customerId, id: newOrderId(1_000_000 + i) })).id);
      await pendingOrder({ customerId: stranger });
    }
    const token = await tokenFor(customerId);
    expect(await allPages(token, "limit=3")).toEqual([
      ids.slice(0, 3),
      ids.slice(3, 6),
      ids.slice(6),
    ]);
    expect(await allPages(token, "limit=7")).toEqual([ids]);
    expect(await allPages(token, "limit=100")).toEqual([ids]);
  });

  it("of a status looks at 1,000 orders a page, however many there are, and goes on behind them", async () => {
    const customerId = newCustomer();
    const token = await tokenFor(customerId);
    const rows = Array.from({ length: 20_000 }, (_, i) =>
      orderRow({ id: newOrderId(2_000_000 + i), customer_id: customerId, ...SETTLED }),
    );
    const paid = [rows[0], rows[18_000]].map((row) => Object.assign(row!, { status: "paid" }).id);
    for (let i = 0; i < rows.length; i += 5_000) {
      await env.DB.prepare(INSERT_ORDERS)
        .bind(JSON.stringify(rows.slice(i, i + 5_000)))
        .run();
    }
    const { db, trips } = observed(env.DB);
    const query = { customerId, status: "paid", before: null, limit: 20 } as const;
    const [first] = await listOrders(db, [query]);
    expect(first).toEqual({ orders: [], next: rows[19_000]?.id });
    expect(trips).toHaveLength(1);
    expect(trips[0]?.rowsRead).toBeLessThanOrEqual(3_000);
    const pages = await allPages(token, "status=paid");
    expect(pages.flat()).toEqual(paid.toReversed());
    expect(pages).toHaveLength(21);
  });

  it("of many who ask at once is read together, each as it is for who asked", async () => {
    const people = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const customerId = newCustomer();
        const { id } = await pendingOrder({ customerId });
        return { id, token: await tokenFor(customerId) };
      }),
    );
    const pages = await Promise.all(people.map(({ token }) => listed(token)));
    expect(pages.map(({ orders }) => orders.map(({ id }) => id))).toEqual(
      people.map(({ id }) => [id]),
    );
  });

  it("is not moved by orders that come between two pages", async () => {
    const customerId = newCustomer();
    const token = await tokenFor(customerId);
    const place = (time_ms: number) => pendingOrder({ customerId, id: newOrderId(time_ms) });
    const [old, young] = [await place(1_000), await place(2_000)];
    const { orders, nextCursor } = await listed(token, "?limit=1");
    expect(orders.map(({ id }) => id)).toEqual([young.id]);
    await place(3_000);
    const next = await listed(token, `?limit=1&cursor=${nextCursor}`);
    expect(next.orders.map(({ id }) => id)).toEqual([old.id]);
  });

  it("has 20 a page by itself", async () => {
    const customerId = newCustomer();
    for (let i = 0; i < 21; i++) await pendingOrder({ customerId });
    const { orders, nextCursor } = await listed(await tokenFor(customerId));
    expect(orders).toHaveLength(20);
    expect(nextCursor).not.toBeNull();
  });

  it("may be of one status, through all pages", async () => {
    const customerId = newCustomer();
    const token = await tokenFor(customerId);
    const orders = [];
    for (let i = 0; i < 6; i++) orders.push(await pendingOrder({ customerId, id: newOrderId(i) }));
    const confirmed = [orders[4]!.id, orders[2]!.id, orders[0]!.id];
    await settle(confirmed.map(locked), portsWith());
    expect(await allPages(token, "status=confirmed&limit=2")).toEqual([
      confirmed.slice(0, 2),
      confirmed.slice(2),
    ]);
    expect((await listed(token, "?status=paid")).orders).toEqual([]);
  });

  it.each([
    "?status=new",
    "?limit=0",
    "?limit=101",
    "?limit=-1",
    "?limit=1.5",
    "?limit=",
    "?cursor=",
    "?cursor=%00",
    "?cursor=not-a-cursor",
    `?cursor=${btoa("hello")}`,
    `?cursor=${"a".repeat(1_001)}`,
  ])("%s is 400", async (query) => {
    const token = await tokenFor("c");
    const response = await call("GET", `/v1/orders${query}`, { token });
    expect([response.status, (await problemOf(response)).code]).toEqual([400, "invalid_request"]);
  });
});

describe("the list of items", () => {
  it("goes page by page, in the order of their SKUs", async () => {
    const skus = [];
    for (let i = 0; i < 5; i++) skus.push(await addItem({}, `ZZ-${i}`));
    const response = await call("GET", `/v1/items?limit=2&cursor=${btoa("ZZ-0")}`);
    const page: { items: { sku: string }[]; nextCursor: string } = await response.json();
    expect(page.items.map(({ sku }) => sku)).toEqual(["ZZ-1", "ZZ-2"]);
    const rest = await call("GET", `/v1/items?limit=2&cursor=${page.nextCursor}`);
    expect(await rest.json()).toMatchObject({
      items: [{ sku: "ZZ-3" }, { sku: "ZZ-4" }],
      nextCursor: null,
    });
  });

  it("refuses a cursor of another list", async () => {
    const response = await call("GET", `/v1/items?cursor=${btoa("1000 message:0")}`);
    expect(response.status).toBe(400);
  });
});

describe("an item", () => {
  it("is made with 201 and changed with 200, and its stock stays", async () => {
    const token = await operatorToken();
    const put = (body: unknown) => call("PUT", "/v1/items/NEW-1", { token, body });
    const first = await put({ name: "New", price: { amount: 5, currency: "EUR" } });
    expect(first.status).toBe(201);
    await addItem({ available: 7, levelAge_ms: 0 }, "NEW-1");
    const saleStartsAt = "2026-01-01T00:00:00.000Z";
    const second = await put({
      name: "Newer",
      price: { amount: 6, currency: "USD" },
      limitPerCustomer: 2,
      paymentWindowSeconds: 120,
      saleStartsAt,
    });
    expect(second.status).toBe(200);
    const item = {
      sku: "NEW-1",
      name: "Newer",
      price: { amount: 6, currency: "USD" },
      available: 7,
      received: 7,
      paused: false,
      limitPerCustomer: 2,
      paymentWindowSeconds: 120,
      saleStartsAt,
      saleEndsAt: null,
    };
    expect(await second.json()).toStrictEqual({ ...item, status: "listed" });
    expect(await (await call("GET", "/v1/items/NEW-1")).json()).toStrictEqual(item);
  });
});
