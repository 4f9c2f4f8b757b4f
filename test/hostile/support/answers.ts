import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { PROBLEMS } from "../../../src/orders/http/problem.ts";

/** An error is a problem with a known code and its own status (RFC 9457). */
export async function expectProblem(response: Response): Promise<string> {
  expect(response.headers.get("Content-Type")).toBe("application/problem+json");
  const body: { code: string; status: number; requestId: string } = await response.json();
  expect(Object.keys(PROBLEMS)).toContain(body.code);
  expect(body.status).toBe(response.status);
  expect(body.requestId).toBe(response.headers.get("X-Request-Id"));
  return body.code;
}

/** Rows of every table, and sums that change with every change of an order or an item. */
export async function written(): Promise<Record<string, unknown>> {
  const { results } = await env.DB.prepare(
    `SELECT name FROM sqlite_master WHERE type = 'table'
     AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '_cf_%' AND name NOT LIKE 'd1_%'`,
  ).all<{ name: string }>();
  const counts = await env.DB.batch<{ n: number }>([
    ...results.map(({ name }) => env.DB.prepare(`SELECT count(*) AS n FROM "${name}"`)),
    env.DB.prepare("SELECT coalesce(sum(revision), 0) AS n FROM orders"),
    env.DB.prepare("SELECT coalesce(sum(updated_at), 0) AS n FROM items"),
  ]);
  const names = [...results.map(({ name }) => name), "revisions", "items updated"];
  return Object.fromEntries(names.map((name, i) => [name, counts[i]?.results[0]?.n]));
}
