import { env } from "cloudflare:workers";
import { newOrderId } from "../../../src/contract/order-id.ts";
import type { OrderRow } from "../../../src/orders/order/order-queries.sql.ts";
import { orderRow as rowOf, SETTLED } from "../../support/order.ts";

export const DAY_MS = 86_400_000;

export async function count(table: string, where = "1"): Promise<number> {
  const row = await env.DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE ${where}`).first<{
    n: number;
  }>();
  return row?.n ?? -1;
}

/** Writes many rows at once, as no code of the Worker would. */
export async function insertRows(table: string, rows: readonly Record<string, unknown>[]) {
  const columns = Object.keys(rows[0] ?? {});
  const values = columns.map((column) => `value->>'${column}'`).join(", ");
  const insert = env.DB.prepare(
    `INSERT INTO ${table} (${columns.join(", ")}) SELECT ${values} FROM json_each(?)`,
  );
  for (let i = 0; i < rows.length; i += 2_000) {
    await insert.bind(JSON.stringify(rows.slice(i, i + 2_000))).run();
  }
}

/** A row of `orders`, settled and paid unless it says otherwise. */
export const orderRow = (
  parts: Partial<Record<Exclude<keyof OrderRow, "id">, unknown>> & { id?: string } = {},
  at_ms = Date.now(),
): { id: string } & Record<string, unknown> => ({
  ...rowOf({ id: newOrderId(at_ms), status: "paid", revision: 3, ...SETTLED }),
  placed_at: at_ms,
  updated_at: at_ms,
  ...parts,
});
