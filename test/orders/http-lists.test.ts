import { beforeAll, describe, expect, it } from "vitest";
import { newOrderId } from "../../src/contract/order-id.ts";
import type { OrderView } from "../../src/orders/order/order.ts";
import { settle } from "../../src/orders/outcomes/settle.ts";
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
      saleStartsAt,
    });
    expect(second.status).toBe(200);
    const item = {
      sku: "NEW-1",
      name: "Newer",
      price: { amount: 6, currency: "USD" },
      available: 7,
      received: 7,
      limitPerCustomer: 2,
      saleStartsAt,
      saleEndsAt: null,
    };
    expect(await second.json()).toStrictEqual({ ...item, status: "listed" });
    expect(await (await call("GET", "/v1/items/NEW-1")).json()).toStrictEqual(item);
  });
});
