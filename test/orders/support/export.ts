import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { newOrderId } from "../../../src/contract/order-id.ts";
import { app } from "../../../src/orders/http/app.ts";
import type { OrderRow } from "../../../src/orders/order/order-queries.sql.ts";
import { INSERT_ORDERS, orderRow, SETTLED } from "../../support/order.ts";
import { envWith, operatorToken, requestFor } from "./worker.ts";

export const CSV = { Accept: "text/csv" };
export const NDJSON = { Accept: "application/x-ndjson" };

/** A paid order of one cup, with an id of the time at which it was placed. */
export function paidOrder(placed_ms: number, parts: Partial<OrderRow> = {}): OrderRow {
  const line = { sku: "CUP", name: "Cup", quantity: 1, price: { amount: 250, currency: "EUR" } };
  const step = (revision: number, status: string, at_ms: number) => ({
    revision,
    status,
    reason: null,
    at_ms,
    actor: null,
  });
  return orderRow({
    id: newOrderId(placed_ms),
    customer_id: "ann",
    status: "paid",
    lines: JSON.stringify([line]),
    total_amount: 250,
    placed_at: placed_ms,
    updated_at: placed_ms + 9_000,
    revision: 3,
    history: JSON.stringify([
      step(1, "pending", placed_ms),
      step(2, "confirmed", placed_ms + 10),
      step(3, "paid", placed_ms + 2_000),
    ]),
    ...SETTLED,
    ...parts,
  });
}

export async function insertOrders(rows: readonly OrderRow[]): Promise<void> {
  for (let i = 0; i < rows.length; i += 1_000) {
    await env.DB.prepare(INSERT_ORDERS)
      .bind(JSON.stringify(rows.slice(i, i + 1_000)))
      .run();
  }
}

let payments = 0;
export async function insertPayments(
  rows: readonly ({ order_id: string } & Record<string, unknown>)[],
): Promise<void> {
  const all = rows.map((row) => ({
    reference: `pi_${++payments}`,
    amount: 250,
    currency: "EUR",
    state: "applied",
    why: null,
    successor_id: null,
    received_at: 0,
    updated_at: 0,
    actor: '{"kind":"service","sub":"shop"}',
    ...row,
  }));
  await insertAll("payments", all);
}

export async function insertReturns(
  rows: readonly ({ order_id: string } & Record<string, unknown>)[],
): Promise<void> {
  const all = rows.map((row) => ({
    id: newOrderId(Date.now()),
    key_owner: "shop",
    key: newOrderId(Date.now()),
    lines: '[{"sku":"CUP","quantity":1}]',
    restock: 1,
    reason: "broken",
    actor: '{"kind":"service","sub":"shop"}',
    created_at: 0,
    due_at: null,
    ...row,
  }));
  await insertAll("returns", all);
}

async function insertAll(table: string, rows: readonly Record<string, unknown>[]): Promise<void> {
  const columns = Object.keys(rows[0] ?? {});
  const values = columns.map((column) => `value->>'${column}'`).join(", ");
  await env.DB.prepare(
    `INSERT INTO ${table} (${columns.join(", ")}) SELECT ${values} FROM json_each(?)`,
  )
    .bind(JSON.stringify(rows))
    .run();
}

/** A call to the Worker in this isolate, so that its D1 may be another. */
export async function exportWith(
  db: D1Database,
  path: string,
  headers: Record<string, string>,
): Promise<Response> {
  const token = await operatorToken();
  const request = requestFor("GET", path, { token, headers });
  return await app.fetch(request, envWith({ DB: db }), createExecutionContext());
}

/** NDJSON is no text to the runtime. */
export const textOf = async (response: Response): Promise<string> =>
  new TextDecoder().decode(await response.arrayBuffer());

export const utc = (ms: number): string => new Date(ms).toISOString();

export const ordersPath = (from_ms: number, to_ms: number, after?: string): string =>
  `/v1/operations/orders/export?from=${utc(from_ms)}&to=${utc(to_ms)}${after ? `&after=${after}` : ""}`;

/** The values of NDJSON, and the last line. */
export function parseNdjson(text: string): { values: Record<string, unknown>[]; next: unknown } {
  const lines = text.split("\n");
  if (lines.pop() !== "") throw new Error("the last line has no end");
  const values = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const end = values.pop();
  if (!end || Object.keys(end).join() !== "next") throw new Error("there is no last line");
  return { values, next: end["next"] };
}
