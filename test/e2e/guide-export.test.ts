import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT } from "../../scripts/lib/project.ts";
import type { OrderView } from "../../src/orders/order/order.ts";
import { useStack } from "./support/stack.ts";
import { until } from "./support/until.ts";

/** The export of docs/guides/export-for-accounting.md, run as a shop runs it. */

const stack = useStack();
const DAY_MS = 86_400_000;
/** More than one answer has: 300 pages of 500 orders. */
const MANY = 150_700;

let folder: string;
let token: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "lockstock-books-"));
  token = await stack.token("books", { scope: "operations:read" });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const dayBefore = (days: number): string =>
  new Date(Date.now() - 300_000 - days * DAY_MS).toISOString().slice(0, 10);
const today = (): string => new Date().toISOString().slice(0, 10);

interface Run {
  code: number;
  /** The sums, without the header. */
  sums: string[];
  stderr: string;
}

function run(vars: Record<string, string> = {}): Promise<Run> {
  const env = { ...process.env, LOCKSTOCK_URL: stack.base.origin, LOCKSTOCK_TOKEN: token };
  const script = join(ROOT, "docs/guides/export-for-accounting.ts");
  return new Promise((resolve) => {
    const options = { env: { ...env, FOLDER: folder, ...vars } };
    execFile(process.execPath, [script], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code);
      resolve({ code, sums: stdout.trimEnd().split("\n").slice(1), stderr });
    });
  });
}

const call = async <T>(method: string, path: string, body?: object, key?: string): Promise<T> => {
  const headers = { prefer: "wait=10", ...(key !== undefined && { "idempotency-key": key }) };
  const reply = await stack.operator.call<T>(method, path, body, headers);
  if (reply.status >= 300)
    throw new Error(`${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
  return reply.body;
};

const place = (sku: string, quantity: number, amountDue: number): Promise<OrderView> =>
  call("POST", "/v1/orders", { customerId: "=a\r\nb", lines: [{ sku, quantity }], amountDue });
const pay = (reference: string, orderId: string, amount: number) =>
  call("POST", "/v1/payments", { reference, orderId, amount, currency: "EUR" });

/** As if the order had been placed yesterday. */
async function antedate(id: string): Promise<void> {
  const at_ms = Date.parse(`${dayBefore(1)}T12:00:00Z`);
  const hex = at_ms.toString(16).padStart(12, "0");
  const old = `${hex.slice(0, 8)}-${hex.slice(8)}${id.slice(13)}`;
  const { DB } = await stack.orders();
  await DB.batch([
    DB.prepare("UPDATE orders SET id = ?1, placed_at = ?3 WHERE id = ?2").bind(old, id, at_ms),
    DB.prepare("UPDATE payments SET order_id = ?1 WHERE order_id = ?2").bind(old, id),
    DB.prepare("UPDATE returns SET order_id = ?1 WHERE order_id = ?2").bind(old, id),
  ]);
}

test("yesterday's orders are a file with their payments and returns, and the sums are right", async () => {
  const sku = await stack.operator.stocked(9);
  const [shipped, ended, byHand] = [
    await place(sku, 2, 3_490),
    await place(sku, 1, 1_500),
    await place(sku, 1, 1_500),
  ];
  await pay("pi_1", shipped.id, 3_490);
  await pay("pi_2", shipped.id, 3_490);
  await call("POST", "/v1/payments/pi_2/refunded");
  const parcel = { lines: [{ sku, quantity: 1 }], restock: true, reason: "-broken, a bit" };
  await call("POST", `/v1/orders/${shipped.id}/returns`, parcel, "parcel");
  await call("POST", `/v1/orders/${ended.id}/cancel`);
  await pay("pi_3", ended.id, 1_500);
  await call("POST", `/v1/orders/${byHand.id}/pay`);
  // The reconciler looks at an order by its id until its stock has acknowledged.
  await until("all is settled", async () => {
    const { DB } = await stack.orders();
    const open = await DB.prepare(
      "SELECT (SELECT count(*) FROM orders WHERE awaits IS NOT NULL) + (SELECT count(*) FROM returns WHERE due_at IS NOT NULL) AS n",
    ).first<{ n: number }>();
    return open?.n === 0;
  });
  for (const { id } of [shipped, ended, byHand]) await antedate(id);
  const { code, sums, stderr } = await run();
  expect([code, stderr]).toEqual([0, ""]);
  expect(sums).toEqual([
    `${today()}\tpayment\tapplied\tEUR\t1\t3490`,
    `${today()}\tpayment\trefunded\tEUR\t1\t3490`,
    `${today()}\tpayment\tunmatched\tEUR\t1\t1500`,
    `${today()}\trefund\trefunded\tEUR\t1\t-3490`,
    `${today()}\treturn\trestocked\tEUR\t1\t-1500`,
    `${today()}\tsale\t\tEUR\t3\t4990`,
  ]);
  expect(readdirSync(folder)).toEqual([`orders-${dayBefore(1)}.csv`]);
  const file = readFileSync(join(folder, `orders-${dayBefore(1)}.csv`), "utf8");
  expect(file).toMatch(/^type,at,order_id,/);
  expect(file).toContain(`"'=a\r\nb"`);
  expect(file).not.toMatch(/^end,/m);
});

test("a day that no single answer has is one file, and a connection that breaks is repeated", async () => {
  const day = dayBefore(2);
  const first_ms = Date.parse(`${day}T00:00:00Z`);
  const { DB } = await stack.orders();
  const line = '[{"sku":"CUP","name":"Cup","quantity":1,"price":{"amount":5,"currency":"EUR"}}]';
  const paid = `[{"status":"paid","at_ms":${first_ms}}]`;
  for (let from = 0; from < MANY; from += 50_000) {
    await DB.prepare(
      `INSERT INTO orders (id, customer_id, status, lines, total_amount, currency, revision,
         placed_at, updated_at, history)
       WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2 - 1)
       SELECT printf('%08x-%04x-7000-8000-%012x', (?3 + i) >> 16, (?3 + i) & 65535, i),
         'ann', 'paid', ?4, 5, 'EUR', 3, ?3 + i, ?3 + i, ?5 FROM n`,
    )
      .bind(from, Math.min(from + 50_000, MANY), first_ms, line, paid)
      .run();
  }
  const path = join(folder, `orders-${day}.csv`);
  const calls: string[] = [];
  const existed: boolean[] = [];
  // Between them, a network that breaks the first answer off.
  const network = createServer((incoming, outgoing) => {
    calls.push(new URL(incoming.url ?? "", "http://x").search);
    existed.push(existsSync(path));
    const url = new URL(incoming.url ?? "", stack.base).href;
    const onward = request(url, { headers: incoming.headers });
    onward.on("response", (response) => {
      outgoing.writeHead(response.statusCode ?? 0, response.headers);
      if (calls.length > 1) response.pipe(outgoing);
      else response.once("data", (data: Buffer) => outgoing.write(data, () => outgoing.destroy()));
    });
    onward.end();
  });
  await once(network.listen(0), "listening");
  const LOCKSTOCK_URL = `http://127.0.0.1:${(network.address() as AddressInfo).port}`;
  const { code, sums, stderr } = await run({ LOCKSTOCK_URL, DAYS: "2" });
  network.close();
  expect([code, stderr]).toEqual([0, ""]);
  expect(sums).toContain(`${day}\tsale\t\tEUR\t${MANY}\t${MANY * 5}`);
  // The first one broke; the day took two answers, and yesterday one.
  expect(existed).toEqual([false, false, false, true]);
  expect(calls.map((search) => new URLSearchParams(search).has("after"))).toEqual([
    false,
    false,
    true,
    false,
  ]);
  const ids = readFileSync(path, "utf8").trimEnd().split("\r\n").slice(1);
  expect(new Set(ids.map((row) => row.split(",")[2])).size).toBe(MANY);
  expect(ids).toHaveLength(MANY);
});

test("sums that do not fit, or a token that may not, end it with an error", async () => {
  const { DB } = await stack.orders();
  await DB.prepare("UPDATE payments SET amount = 3491 WHERE reference = 'pi_1'").run();
  const wrong = await run();
  expect([wrong.code, wrong.stderr]).toEqual([
    1,
    expect.stringMatching(/^[0-9a-f-]{36}: sold for 3490, paid 3491\n$/),
  ]);
  const refused = await run({
    LOCKSTOCK_TOKEN: await stack.token("shop", { scope: "orders:read" }),
  });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("operations:read");
});
