import { beforeAll, describe, expect, it } from "vitest";
import type { OrderRow } from "../../src/orders/order/order-queries.sql.ts";
import {
  CSV,
  insertOrders,
  insertPayments,
  insertReturns,
  NDJSON,
  ordersPath,
  paidOrder,
  parseNdjson,
  textOf,
  utc,
} from "./support/export.ts";
import { call, migrate, operatorToken, problemOf } from "./support/worker.ts";

beforeAll(migrate);

let day_ms = Date.parse("2025-06-01T00:00:00Z");
/** A day of its own for each test. */
const newDay = (): number => (day_ms += 86_400_000);
const HEAD =
  "type,at,order_id,customer_id,placed_at,reference,state,reason,sku,name,quantity,unit_price,amount,currency";

async function read(path: string, headers: Record<string, string>): Promise<string> {
  const response = await call("GET", path, { token: await operatorToken(), headers });
  expect(response.status).toBe(200);
  return textOf(response);
}
const dayOf = (from_ms: number) => ordersPath(from_ms, from_ms + 86_400_000);
const idsOf = async (path: string): Promise<unknown[]> =>
  parseNdjson(await read(path, NDJSON)).values.map(({ id }) => id);

/** Two cups and a pot with shipping; one cup came back; paid twice, of which one was paid back. */
async function soldDay(): Promise<{ from_ms: number; order: OrderRow; returnId: string }> {
  const from_ms = newDay();
  const line = (sku: string, name: string, quantity: number, amount: number) => ({
    sku,
    name,
    quantity,
    price: { amount, currency: "EUR" },
  });
  const order = paidOrder(from_ms + 1_000, {
    customer_id: "=cmd|'/c calc'!A0",
    lines: JSON.stringify([line("CUP", 'Cup, "big"', 2, 250), line("POT", "-Pot", 1, 1_000)]),
    total_amount: 1_500,
    amount_due: 1_990,
    returned: '{"CUP":1}',
    metadata: '{"cart":"7"}',
  });
  await insertOrders([order]);
  const times = { received_at: from_ms + 3_000, updated_at: from_ms + 3_000 };
  const money = { order_id: order.id, amount: 1_990, ...times };
  await insertPayments([
    { ...money, reference: `@${order.id}` },
    {
      ...money,
      reference: `b ${order.id}`,
      state: "refunded",
      why: "already_paid",
      updated_at: from_ms + 90_000_000,
    },
  ]);
  const returnId = order.id.replace(/^./, "f");
  const restock = 0;
  await insertReturns([
    { id: returnId, order_id: order.id, created_at: from_ms + 5_000, restock, reason: "+1\u00a0" },
  ]);
  return { from_ms, order, returnId };
}

describe("the export of orders", () => {
  it("has a row for each entry of the books, as CSV", async () => {
    const { from_ms, order, returnId } = await soldDay();
    const response = await call("GET", dayOf(from_ms), { token: await operatorToken() });
    expect(response.headers.get("Content-Type")).toBe("text/csv; charset=utf-8");
    expect(response.headers.get("Vary")).toBe("Accept");
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    const who = `${order.id},'=cmd|'/c calc'!A0,${utc(from_ms + 1_000)}`;
    const [paid, received] = [utc(from_ms + 3_000), utc(from_ms + 3_000)];
    const cup = 'CUP,"Cup, ""big"""';
    expect((await response.text()).split("\r\n")).toEqual([
      HEAD,
      `sale,${paid},${who},,,,${cup},2,250,500,EUR`,
      `sale,${paid},${who},,,,POT,'-Pot,1,1000,1000,EUR`,
      `sale,${paid},${who},,,,,,,,490,EUR`,
      `payment,${received},${who},'@${order.id},applied,,,,,,1990,EUR`,
      `payment,${received},${who},b ${order.id},refunded,already_paid,,,,,1990,EUR`,
      `refund,${utc(from_ms + 90_000_000)},${who},b ${order.id},refunded,already_paid,,,,,-1990,EUR`,
      `return,${utc(from_ms + 5_000)},${who},${returnId},written_off,'+1\u00a0,${cup},-1,250,-250,EUR`,
      "end,,,,,,,,,,,,,",
      "",
    ]);
  });

  it("has a line for each order, as NDJSON", async () => {
    const { from_ms, order, returnId } = await soldDay();
    const response = await call("GET", dayOf(from_ms), {
      token: await operatorToken(),
      headers: NDJSON,
    });
    expect(response.headers.get("Content-Type")).toBe("application/x-ndjson");
    const { values, next } = parseNdjson(await textOf(response));
    const view = await call("GET", `/v1/orders/${order.id}`, { token: await operatorToken() });
    const money = { orderId: order.id, amount: 1_990, currency: "EUR" };
    expect(next).toBeNull();
    expect(values).toEqual([
      {
        ...((await view.json()) as object),
        paidAt: utc(from_ms + 3_000),
        payments: [
          {
            ...money,
            reference: `@${order.id}`,
            state: "applied",
            receivedAt: utc(from_ms + 3_000),
          },
          {
            ...money,
            reference: `b ${order.id}`,
            state: "refunded",
            why: "already_paid",
            receivedAt: utc(from_ms + 3_000),
            refundedAt: utc(from_ms + 90_000_000),
          },
        ],
        returns: [
          {
            id: returnId,
            orderId: order.id,
            lines: [{ sku: "CUP", quantity: 1 }],
            restock: false,
            reason: "+1\u00a0",
            actor: { kind: "service", sub: "shop" },
            at: utc(from_ms + 5_000),
            state: "applied",
          },
        ],
      },
    ]);
  });

  it("has no sale of an order that is not paid, but its money", async () => {
    const from_ms = newDay();
    const pending = paidOrder(from_ms, { status: "pending" });
    const ended = paidOrder(from_ms + 1, { status: "cancelled", reason: "payment_timeout" });
    await insertOrders([pending, ended]);
    await insertPayments([{ order_id: ended.id, state: "unmatched", why: "ended" }]);
    const [head, ...rows] = (await read(dayOf(from_ms), CSV)).trimEnd().split("\r\n");
    expect(head).toBe(HEAD);
    const types = rows.map((row) => row.split(",")[0]);
    expect(types).toEqual(["payment", "end"]);
    const { values } = parseNdjson(await read(dayOf(from_ms), NDJSON));
    expect(values.map(({ id, paidAt }) => [id, paidAt])).toEqual([
      [pending.id, undefined],
      [ended.id, undefined],
    ]);
  });

  it("has a payment once, with the order that it pays", async () => {
    const from_ms = newDay();
    const ended = paidOrder(from_ms, { status: "cancelled", reason: "payment_timeout" });
    const successor = paidOrder(from_ms + 1, { successor_of: ended.id });
    await insertOrders([ended, successor]);
    await insertPayments([
      { order_id: ended.id, successor_id: successor.id, reference: `late ${ended.id}` },
      { order_id: ended.id, state: "unmatched", why: "ended", reference: `own ${ended.id}` },
    ]);
    const { values } = parseNdjson(await read(dayOf(from_ms), NDJSON));
    const paid = values.map(({ payments }) =>
      (payments as { reference: string }[]).map(({ reference }) => reference),
    );
    expect(paid).toEqual([[`own ${ended.id}`], [`late ${ended.id}`]]);
  });

  it("has the orders from one time to before another, and goes on after an id", async () => {
    const from_ms = newDay();
    const rows = [0, 1, 500, 999, 1_000].map((ms) => paidOrder(from_ms + ms));
    await insertOrders(rows);
    const ids = rows.map(({ id }) => id);
    const second = (after?: string) => ordersPath(from_ms + 1, from_ms + 1_000, after);
    expect(await idsOf(second())).toEqual(ids.slice(1, 4));
    expect(await idsOf(second(ids[1]))).toEqual(ids.slice(2, 4));
    expect(await idsOf(second(ids[1]?.toUpperCase()))).toEqual(ids.slice(2, 4));
    // An id from before the time does not reach further back.
    expect(await idsOf(second(ids[0]))).toEqual(ids.slice(1, 4));
    expect(await idsOf(second(ids[4]))).toEqual([]);
    expect(await read(second(ids[4]), CSV)).toBe(`${HEAD}\r\nend,,,,,,,,,,,,,\r\n`);
  });

  it.each([
    "",
    "?from=2026-01-01T00:00:00Z",
    "?to=2026-01-01T00:00:00Z",
    "?from=2026-01-01&to=2026-01-02",
    "?from=2026-01-01T00:00:00Z&to=2026-02-30T00:00:00Z",
    "?from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:00Z",
    "?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
    "?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&after=x",
    "?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z&limit=5",
  ])("%s is 400", async (query) => {
    const path = `/v1/operations/orders/export${query}`;
    const response = await call("GET", path, { token: await operatorToken(), headers: NDJSON });
    expect([response.status, (await problemOf(response)).code]).toEqual([400, "invalid_request"]);
  });

  it("is 406 for a type that there is not, and has no body for HEAD", async () => {
    const path = dayOf(newDay());
    const token = await operatorToken();
    const headers = { Accept: "application/json" };
    const response = await call("GET", path, { token, headers });
    const { code, detail } = await problemOf(response);
    expect([response.status, code]).toEqual([406, "not_acceptable"]);
    expect(detail).toBe("There is text/csv and application/x-ndjson.");
    expect(response.headers.get("Content-Type")).toBe("application/problem+json");
    for (let i = 0; i < 10; i++) {
      const head = await call("HEAD", path, { token, headers: NDJSON });
      expect([head.status, head.headers.get("Content-Type"), await head.text()]).toEqual([
        200,
        "application/x-ndjson",
        "",
      ]);
    }
  });
});
