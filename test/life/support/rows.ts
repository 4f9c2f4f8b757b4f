import { env } from "cloudflare:workers";
import { newOrderId } from "../../../src/contract/order-id.ts";

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

/** A row of `orders`, settled in whatever way it says. */
export function orderRow(parts: Record<string, unknown> = {}, at_ms = Date.now()) {
  return {
    id: newOrderId(at_ms),
    customer_id: "somebody",
    status: "paid",
    reason: null,
    lines: "[]",
    total_amount: 1,
    currency: "EUR",
    revision: 3,
    placed_at: at_ms,
    updated_at: at_ms,
    awaits: null,
    due_at: null,
    history: "[]",
    ...parts,
  };
}
