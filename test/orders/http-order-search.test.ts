import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { newOrderId } from "../../src/contract/order-id.ts";
import type { OrderRow } from "../../src/orders/order/order-queries.sql.ts";
import type { OrderView } from "../../src/orders/order/order.ts";
import { INSERT_ORDERS, orderRow, SETTLED } from "../support/order.ts";
import { call, migrate, operatorToken, problemOf, tokenFor } from "./support/worker.ts";

interface Page {
  orders: OrderView[];
  nextCursor: string | null;
  searchedTo: string | null;
}

const DAY = "2026-03-04";
const at = (time: string): number => Date.parse(`${DAY}T${time}Z`);

const lines = (...skus: string[]): string =>
  JSON.stringify(
    skus.map((sku) => ({ sku, name: sku, quantity: 1, price: { amount: 1, currency: "EUR" } })),
  );

/** An order with an id that was made as long before it was placed as `id_ms` says. */
const row = (placed_ms: number, parts: Partial<OrderRow> = {}, id_ms = 0): OrderRow =>
  orderRow({
    id: newOrderId(placed_ms - id_ms),
    placed_at: placed_ms,
    updated_at: placed_ms,
    status: "paid",
    lines: lines("CUP"),
    ...SETTLED,
    ...parts,
  });

async function insert(rows: readonly OrderRow[]): Promise<void> {
  for (let i = 0; i < rows.length; i += 1_000) {
    await env.DB.prepare(INSERT_ORDERS)
      .bind(JSON.stringify(rows.slice(i, i + 1_000)))
      .run();
  }
}

async function search(query: string): Promise<Page> {
  const path = `/v1/operations/orders?${query}`;
  const response = await call("GET", path, { token: await operatorToken() });
  expect([path, response.status]).toEqual([path, 200]);
  return response.json();
}

async function pages(query: string): Promise<Page[]> {
  const all: Page[] = [];
  for (let cursor = ""; ;) {
    const page = await search(`${query}${cursor && `&cursor=${cursor}`}`);
    all.push(page);
    if (page.nextCursor === null) return all;
    cursor = page.nextCursor;
  }
}

const idsOf = (all: Page[]): string[] => all.flatMap(({ orders }) => orders.map(({ id }) => id));
const found = async (query: string): Promise<string[]> => idsOf(await pages(query));

/** Of one customer, of every kind; oldest first. */
const few: OrderRow[] = [
  row(at("10:00:00.000"), { customer_id: "bea" }),
  row(at("10:00:00.001"), { customer_id: "bea", lines: lines("POT", "CUP") }),
  row(at("10:00:00.002"), { customer_id: "ann", lines: lines("POT") }),
  row(at("11:00:00.000"), { customer_id: "ann", status: "cancelled", reason: "out_of_stock" }),
  row(at("11:30:00.000"), { customer_id: "ann", returned_at: 1 }),
];
const id = (n: number): string => few[n]!.id;

/** A crowd that was placed later, in which few have what is searched. */
const CROWD = 2_500;
const rare = [3, 1_400, 2_499];
const crowd = Array.from({ length: CROWD }, (_, i) =>
  row(
    at("20:00:00.000") + i,
    rare.includes(i) ? { lines: lines("RARE"), customer_id: "rare" } : { customer_id: "crowd" },
  ),
);

beforeAll(async () => {
  await migrate();
  await insert([...few, ...crowd]);
});

describe("a search of all orders", () => {
  it("finds by customer, item, status and time, alone and together, newest first", async () => {
    const early = "placedTo=2026-03-04T12:00:00Z";
    expect(await found("customerId=bea")).toEqual([id(1), id(0)]);
    expect(await found("customerId=ann&status=returned")).toEqual([id(4)]);
    expect(await found("customerId=ann&status=paid")).toEqual([id(2)]);
    expect(await found("customerId=ann&sku=POT")).toEqual([id(2)]);
    expect(await found(`sku=POT&${early}`)).toEqual([id(2), id(1)]);
    expect(await found(`sku=POT&status=cancelled&${early}`)).toEqual([]);
    expect(await found(`status=cancelled&${early}`)).toEqual([id(3)]);
    expect(await found("customerId=nobody")).toEqual([]);
    expect(await found(`customerId=ann&sku=CUP&${early}&limit=1`)).toEqual([id(4), id(3)]);
  });

  it("takes the first instant and leaves out the last, in any zone", async () => {
    const from = (time: string) => `placedFrom=${DAY}T${time}`;
    const to = (time: string) => `placedTo=${DAY}T${time}`;
    expect(await found(`${from("10:00:00.001Z")}&${to("11:00:00Z")}`)).toEqual([id(2), id(1)]);
    expect(await found(`${from("10:00:00.001Z")}&${to("11:00:00.001Z")}`)).toEqual([
      id(3),
      id(2),
      id(1),
    ]);
    expect(await found(`${from("12:00:00.001%2B02:00")}&${to("13:00:00%2B02:00")}`)).toEqual([
      id(2),
      id(1),
    ]);
    expect(await found(`${from("11:00:00Z")}&${to("10:00:00Z")}`)).toEqual([]);
  });

  it("goes by the time of placing, although ids are made earlier or, by another clock, later", async () => {
    const placed_ms = at("14:00:00.000");
    const early = row(placed_ms, {}, 290_000);
    const ahead = row(placed_ms, {}, -900);
    await insert([early, ahead]);
    const hour = "placedFrom=2026-03-04T14:00:00Z&placedTo=2026-03-04T14:00:00.001Z";
    expect(await found(hour)).toEqual([ahead.id, early.id]);
  });

  it("finds an order by its id in any case, with hyphens or without, and by the end of it", async () => {
    for (const one of [id(0), crowd[0]!.id, crowd.at(-1)!.id]) {
      const digits = one.replaceAll("-", "");
      for (const q of [one, one.toUpperCase(), digits, digits.toUpperCase()]) {
        const { orders, nextCursor, searchedTo } = await search(`q=${q}`);
        expect(orders.map((order) => order.id)).toEqual([one]);
        expect([nextCursor, searchedTo]).toEqual([null, null]);
      }
      // So many digits that no other order ends like it.
      for (const end of [one.slice(-17), one.slice(-18).toUpperCase(), digits.slice(-16)]) {
        expect(await found(`q=${end}`)).toEqual([one]);
      }
    }
    const [end] = [id(2).slice(-4)];
    const expected = [...few, ...crowd].filter((one) => one.id.endsWith(end));
    const withOthers = await found(`q=${end}&placedTo=2026-03-05T00:00:00Z&customerId=ann`);
    expect(withOthers).toEqual(
      expected.flatMap((one) => (one.customer_id === "ann" ? [one.id] : [])),
    );
    expect(await found(`q=${id(2)}&customerId=bea`)).toEqual([]);
    expect(await found(`q=${newOrderId(at("10:00:00.000"))}`)).toEqual([]);
  });

  it("finds what somebody types: a customer, a SKU or part of a name, in any case", async () => {
    const early = "placedTo=2026-03-04T12:00:00Z";
    expect(await found("q=bea")).toEqual([id(1), id(0)]);
    expect(await found("q=BEA")).toEqual([id(1), id(0)]);
    expect(await found("q=rare")).toHaveLength(rare.length);
    expect(await found(`q=pot&${early}`)).toEqual([id(2), id(1)]);
    expect(await found(`q=po&${early}&customerId=ann`)).toEqual([id(2)]);
    const named = row(at("09:00:00.000"), {
      lines: JSON.stringify([
        { sku: "X-1", name: "Über Vase", quantity: 1, price: { amount: 1, currency: "EUR" } },
      ]),
    });
    await insert([named]);
    expect(await found(`q=ber%20vase&${early}`)).toEqual([named.id]);
    expect(await found(`q=%C3%9Cber&${early}`)).toEqual([named.id]);
    expect(await found(`q=50%25&${early}`)).toEqual([]);
    expect(await found(`q=----&${early}`)).toEqual([]);
  });

  it("looks at 1,000 orders a page, and says how far back it has looked", async () => {
    const all = await pages(`sku=RARE&placedFrom=${DAY}T20:00:00Z`);
    expect(idsOf(all)).toEqual(rare.toReversed().map((i) => crowd[i]!.id));
    expect(all.map(({ orders }) => orders.length)).toEqual([1, 1, 1]);
    const placed = (i: number) => new Date(crowd[i]!.placed_at).toISOString();
    expect(all.map(({ searchedTo }) => searchedTo)).toEqual([placed(1_500), placed(500), null]);
  });

  it("says of a full page when its last order was placed", async () => {
    const page = await search("customerId=rare&limit=2");
    expect(page.searchedTo).toBe(page.orders[1]!.placedAt);
    expect(page.nextCursor).not.toBeNull();
  });

  it("looks only at a customer's orders, however many others there are", async () => {
    const all = await pages("customerId=rare&sku=RARE");
    expect([all.length, idsOf(all).length]).toEqual([1, 3]);
  });

  it.each([
    "?customer=bea",
    "?customerId=",
    `?customerId=${"a".repeat(256)}`,
    "?sku=",
    "?sku=a%20b",
    "?q=",
    `?q=${"a".repeat(256)}`,
    "?placedFrom=2026-03-04",
    "?placedFrom=2026-02-30T00:00:00Z",
    "?placedTo=1",
    "?placedTo=2026-03-04T00:00:00",
    "?from=2026-03-04T00:00:00Z",
    "?q=abcd&q=abcd",
  ])("%s is 400", async (query) => {
    const token = await operatorToken();
    const response = await call("GET", `/v1/operations/orders${query}`, { token });
    expect([response.status, (await problemOf(response)).code]).toEqual([400, "invalid_request"]);
  });

  it("needs operations:read", async () => {
    const path = "/v1/operations/orders?q=abcd";
    const token = await tokenFor("shop", { scope: "orders:read" });
    expect((await call("GET", path, { token })).status).toBe(403);
    const reader = await tokenFor("shop", { scope: "operations:read" });
    expect((await call("GET", path, { token: reader })).status).toBe(200);
  });
});
