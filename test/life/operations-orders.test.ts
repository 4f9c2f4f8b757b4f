import { beforeAll, describe, expect, test } from "vitest";
import type { OrderView } from "../../src/orders/order/order.ts";
import { DAY_MS, insertRows, orderRow } from "./support/rows.ts";
import {
  migrate,
  newCustomer,
  OPERATOR,
  orderNow,
  WAIT,
  worldOf,
  type World,
} from "./support/world.ts";

beforeAll(migrate);

describe("GET /v1/operations/orders", () => {
  interface Page {
    orders: OrderView[];
    nextCursor: string | null;
  }

  async function pages(world: World, query: string): Promise<Page[]> {
    const all: Page[] = [];
    for (let cursor = ""; ;) {
      const path = `/v1/operations/orders?${query}${cursor && `&cursor=${cursor}`}`;
      const { status, body } = await world.call("GET", path, { as: OPERATOR });
      expect(status).toBe(200);
      const page = body as unknown as Page;
      all.push(page);
      if (page.nextCursor === null) return all;
      cursor = page.nextCursor;
    }
  }
  const idsOf = (all: Page[]) => all.flatMap(({ orders }) => orders.map(({ id }) => id));

  test("walks through sparse results of a status to the last one, newest first", async () => {
    const world = await worldOf();
    const rare = { status: "cancelled", reason: "out_of_stock" };
    const all = Array.from({ length: 3_300 }, (_, i) =>
      orderRow([0, 1, 2, 3_000].includes(i) ? rare : {}, Date.now() - DAY_MS + i),
    );
    await insertRows("orders", all);
    const wanted = all.filter(({ status }) => status === "cancelled").map(({ id }) => id);
    const found = await pages(world, "status=cancelled&limit=2");
    expect(idsOf(found)).toEqual(wanted.toReversed());
    // A page looks through 1,000 orders at most, so some of them are short or empty.
    expect(found.length).toBeLessThanOrEqual(7);
    expect(found.every(({ orders }) => orders.length <= 2)).toBe(true);
    expect(idsOf(await pages(world, "status=pending&limit=100"))).toEqual([]);
    expect(idsOf(await pages(world, "limit=100"))).toEqual(all.map(({ id }) => id).toReversed());
  });

  test("gives the orders of all customers", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    const customers = [newCustomer(), newCustomer()];
    for (const customer of customers) await world.place(customer, [{ sku, quantity: 1 }], WAIT);
    const [page] = await pages(world, "status=confirmed");
    const own = page?.orders.map(({ customerId }) => customerId).toSorted();
    expect(own).toEqual(customers.toSorted());
    expect(page?.orders.every(({ status }) => status === "confirmed")).toBe(true);
  });
});

test("an order's history tells every transition, with its revision, reason and time", async () => {
  const world = await worldOf();
  const sku = await world.stocked(5);
  const customer = newCustomer();
  const { body } = await world.place(customer, [{ sku, quantity: 1 }], WAIT);
  await world.cancel(body.id);
  const path = `/v1/operations/orders/${body.id}/history`;
  const history = await world.call("GET", path, { as: OPERATOR });
  const at = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  expect(history.body["transitions"]).toEqual([
    {
      revision: 1,
      step: "placed",
      status: "pending",
      reason: null,
      at,
      actor: { kind: "customer", sub: customer },
    },
    {
      revision: 2,
      step: "confirmed",
      status: "confirmed",
      reason: null,
      at,
      actor: { kind: "system", sub: null },
    },
    {
      revision: 3,
      step: "cancelled",
      status: "cancelled",
      reason: "operator_request",
      at,
      actor: { kind: "service", sub: OPERATOR },
    },
  ]);
  const unknown = path.replace(body.id, "0190a000-0000-7000-8000-000000000000");
  expect((await world.call("GET", unknown, { as: OPERATOR })).status).toBe(404);
});

test("invariant 12: none of it is told to a customer", async () => {
  const world = await worldOf();
  const sku = await world.stocked(5);
  const customer = newCustomer();
  const { body } = await world.place(customer, [{ sku, quantity: 1 }], WAIT);
  for (const [method, path] of [
    ["GET", "/v1/operations"],
    ["GET", "/v1/operations/orders"],
    ["GET", `/v1/operations/orders/${body.id}/history`],
    ["POST", "/v1/operations/reconcile"],
    ["POST", `/v1/orders/${body.id}/pay`],
  ] as const) {
    const answer = await world.call(method, path, { as: customer });
    expect([path, answer.status, answer.body.code]).toEqual([path, 403, "forbidden"]);
  }
  expect((await orderNow(body.id)).status).toBe("confirmed");
});
