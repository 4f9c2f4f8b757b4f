import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tokenOf } from "../../bench/lib/orders.ts";
import { type Stack, startStack } from "../../bench/lib/stack.ts";
import { QUEUE } from "../../bench/lib/systems.ts";
import { until } from "./support/until.ts";

/** Another process holds the write lock of D1's file, as a backup or a second start may. */
let stack: Stack;
beforeAll(async () => {
  stack = await startStack(QUEUE.stack);
}, 240_000);
afterAll(() => stack.stop());

async function call(method: string, path: string, body?: object) {
  const response = await fetch(stack.base + path, {
    method,
    headers: {
      authorization: `Bearer ${await tokenOf("operator", "operator")}`,
      ...(body && { "content-type": "application/json" }),
    },
    body: body ? JSON.stringify(body) : null,
    signal: AbortSignal.timeout(20_000),
  });
  const { status, headers } = response;
  return { status, retryAfter: headers.get("Retry-After"), body: await response.json() };
}

function lockDatabase(): () => void {
  const folder = join(stack.state, "d1/miniflare-D1DatabaseObject");
  const file = readdirSync(folder).find((name) => /^[0-9a-f]+\.sqlite$/.test(name));
  const db = new DatabaseSync(join(folder, file ?? ""));
  // What the last order has left to write comes first.
  db.exec("PRAGMA busy_timeout = 10000");
  db.exec("BEGIN IMMEDIATE");
  return () => {
    db.exec("ROLLBACK");
    db.close();
  };
}

const order = { lines: [{ sku: "CUP", quantity: 1 }] };
const item = { name: "A cup", price: { amount: 100, currency: "EUR" } };

async function confirmedOrder(): Promise<string> {
  const { body } = await call("POST", "/v1/orders", order);
  const { id } = body as { id: string };
  await until("confirmed", async () => {
    const { body: now } = await call("GET", `/v1/orders/${id}`);
    return (now as { status: string }).status === "confirmed";
  });
  return id;
}

test("while D1 is locked every call that writes is 503 with Retry-After, and goes through afterwards", async () => {
  for (const { method, path, headers, body } of await QUEUE.stock("CUP", 10)) {
    await fetch(stack.base + path, { method, headers, body: body ?? null });
  }
  const [first, second] = [await confirmedOrder(), await confirmedOrder()];
  const calls = [
    ["PUT", "/v1/items/LAMP", item],
    ["POST", `/v1/orders/${first}/pay`],
    ["POST", `/v1/orders/${second}/cancel`],
    ["POST", "/v1/orders", order],
  ] as const;
  const unlock = lockDatabase();
  const locked = [];
  for (const [method, path, body] of calls) {
    const { status, retryAfter } = await call(method, path, body);
    locked.push(`${method} ${path.replace(/[0-9a-f-]{36}/, ":id")} ${status} ${retryAfter}`);
  }
  unlock();
  expect(locked).toEqual([
    "PUT /v1/items/LAMP 503 2",
    "POST /v1/orders/:id/pay 503 2",
    "POST /v1/orders/:id/cancel 503 2",
    "POST /v1/orders 503 2",
  ]);
  await sleep(200);
  const after = [];
  for (const [method, path, body] of calls) after.push((await call(method, path, body)).status);
  expect(after).toEqual([201, 200, 200, 202]);
}, 240_000);
