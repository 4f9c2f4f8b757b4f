import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { newOrderId } from "../../src/contract/order-id.ts";
import { D1_TIMEOUT_MS } from "../../src/orders/database/d1.ts";
import { observed } from "../support/d1.ts";
import { nameOf, pathOf, type Route, ROUTES, SKU } from "./support/routes.ts";
import { addItem, call, lineOf, migrate, operatorToken } from "./support/worker.ts";

/** Every route with a database that is busy, away or silent: 503 with `Retry-After`, never 500. */

beforeAll(async () => {
  await migrate();
  await addItem(SKU);
});

const dbThat = (before: () => void | Promise<void>) => observed(env.DB, { before }).db;

/** As D1 says it (workerd, locked by another process; the platform's "Error list"). */
const ERRORS = [
  "D1_ERROR: database is locked: SQLITE_BUSY",
  "D1_ERROR: Failed to get session commit token: internal error; reference = k34k0qaealp9f29v9ndqpkv1",
  "D1_ERROR: D1 DB is overloaded. Requests queued for too long.",
  "D1_ERROR: Network connection lost.",
  "Network connection lost.",
];

async function answerOf(route: Route, DB: D1Database) {
  const response = await call(
    route.method,
    pathOf(route, { sku: SKU, id: newOrderId(Date.now()) }),
    {
      token: await operatorToken(),
      headers: {
        "Idempotency-Key": "busy",
        ...(route.path === "/v1/feed" && { Upgrade: "websocket" }),
      },
      ...(route.body && { body: route.body }),
      vars: { DB },
    },
  );
  return { status: response.status, retryAfter: response.headers.get("Retry-After") };
}

/** Routes whose own Worker reads D1; the others ask an object, or nobody. */
async function askingD1(): Promise<Route[]> {
  const asking: Route[] = [];
  for (const route of ROUTES) {
    const { db, trips } = observed(env.DB);
    await answerOf(route, db);
    if (trips.length > 0) asking.push(route);
  }
  return asking;
}

describe("a database that cannot answer", () => {
  it("is 503 with Retry-After on every route that asks it, whatever it says", async () => {
    const asking = await askingD1();
    expect(asking.length).toBeGreaterThanOrEqual(13);
    for (const text of ERRORS) {
      const busy = dbThat(() => {
        throw new Error(text);
      });
      for (const route of asking) {
        const answer = await answerOf(route, busy);
        expect([nameOf(route), answer]).toEqual([nameOf(route), { status: 503, retryAfter: "2" }]);
      }
    }
  });

  it("is 503 when it is busy for moving an order, after it could read", async () => {
    const { id } = (await (
      await call("POST", "/v1/orders", { token: await operatorToken(), body: lineOf(SKU) })
    ).json()) as { id: string };
    const { db } = observed(env.DB, {
      before(sql) {
        if (sql.some((one) => one.includes("UPDATE orders"))) throw new Error(ERRORS[0]);
      },
    });
    for (const action of ["pay", "cancel"]) {
      const options = { token: await operatorToken(), vars: { DB: db } };
      const response = await call("POST", `/v1/orders/${id}/${action}`, options);
      expect([action, response.status]).toEqual([action, 503]);
    }
  });

  it("is 503 within the time limit when it never answers", async () => {
    const silent = dbThat(() => new Promise<void>(() => undefined));
    const from_ms = Date.now();
    const answers = await Promise.all((await askingD1()).map((route) => answerOf(route, silent)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
    expect(Date.now() - from_ms).toBeLessThan(D1_TIMEOUT_MS + 8_000);
  });

  it("is 500 when the statement itself is wrong, since repeating it would not help", async () => {
    const wrong = dbThat(() => {
      throw new Error("D1_ERROR: no such column: priec: SQLITE_ERROR");
    });
    const [items] = ROUTES.filter(({ path }) => path === "/v1/items");
    expect((await answerOf(items!, wrong)).status).toBe(500);
  });
});
