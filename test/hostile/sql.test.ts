import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { placesIn, put } from "./support/inputs.ts";
import { objections } from "./support/objections.ts";
import { nameOf, pathOf, type Route, ROUTES, SKU } from "./support/routes.ts";
import { addItem, call, lineOf, migrate, operatorToken, tokenFor } from "./support/worker.ts";

/** Each ends a text, a list or a comment that somebody might have put it in. */
const SQL = [
  "' OR '1'='1",
  "x'; DROP TABLE orders; --",
  "x'); DELETE FROM items; --",
  'x"; UPDATE orders SET status = "paid"; --',
  "x' UNION SELECT sql FROM sqlite_master --",
  "%' OR customer_id LIKE '%",
];
const HEADERS = ["Idempotency-Key", "Prefer", "traceparent", "X-Request-Id"];

beforeAll(async () => {
  await migrate();
  await addItem(SKU);
  await call("POST", "/v1/orders", { token: await tokenFor("victim"), body: lineOf(SKU) });
});
beforeEach(() => void vi.spyOn(console, "warn").mockReturnValue(undefined));

interface Attempt {
  where: string;
  path: string;
  headers?: Record<string, string>;
  body?: unknown;
}

/** The text in each place of a call that takes one: path, query, headers, body. */
function attempts(route: Route, sql: string): Attempt[] {
  const good = { path: pathOf(route, { sku: SKU, id: "none" }), body: route.body };
  const path = pathOf(route, { sku: encodeURIComponent(sql), id: encodeURIComponent(sql) });
  return [
    ...(path === good.path ? [] : [{ ...good, where: "path", path }]),
    ...(route.query ?? []).map((name) => {
      return { ...good, where: name, path: `${good.path}?${name}=${encodeURIComponent(sql)}` };
    }),
    ...HEADERS.map((name) => ({ ...good, where: name, headers: { [name]: sql } })),
    ...(route.body ? placesIn(route.body) : []).map((place) => {
      return { ...good, where: place.join("."), body: put(route.body, place, sql) };
    }),
  ];
}

/** What nobody here may change: the schema, the victim's order, the item. */
async function kept(): Promise<unknown[]> {
  const all = await env.DB.batch([
    env.DB.prepare("SELECT name, sql FROM sqlite_master ORDER BY name"),
    env.DB.prepare("SELECT * FROM orders WHERE customer_id = 'victim'"),
    env.DB.prepare("SELECT count(*) FROM items WHERE sku = ?").bind(SKU),
  ]);
  return all.map(({ results }) => results);
}

describe("SQL in any text of a call is a text:", () => {
  it.each(ROUTES.map((route) => [nameOf(route), route] as const))("%s", async (_, route) => {
    const before = await kept();
    const token = route.scopes ? await operatorToken() : await tokenFor("mallory");
    for (const sql of SQL) {
      for (const { where, path, headers = {}, body } of attempts(route, sql)) {
        const key = { "Idempotency-Key": crypto.randomUUID() };
        const options = { token, headers: { ...key, ...headers }, body };
        const response = await call(route.method, path, options);
        const wrong = await objections(response, route.needsStock === true);
        expect([where, sql, wrong]).toEqual([where, sql, []]);
      }
    }
    expect(await kept()).toEqual(before);
  });
});

it("a customer whose name is SQL has orders of their own, and sees no others", async () => {
  for (const text of SQL) {
    const sql = `${text} `; // another customer than those whom services have named above
    const token = await tokenFor(sql);
    const list = async () => (await call("GET", "/v1/orders", { token })).json();
    expect(await list()).toEqual({ orders: [], nextCursor: null });
    expect((await call("POST", "/v1/orders", { token, body: lineOf(SKU) })).status).toBe(202);
    expect(await list()).toMatchObject({ orders: [{ customerId: sql }], nextCursor: null });
  }
});
