import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { policyOf } from "../../src/orders/config/policy.ts";
import { NO_CURSORS, prune } from "../../src/orders/reconcile/retention.ts";
import { count, DAY_MS, insertRows, orderRow } from "./support/rows.ts";
import { migrate } from "./support/world.ts";

const NOW_MS = Date.now();
const MINUTE_MS = 60_000;
/** What 1,000 orders a second make a minute. */
const A_MINUTE = 60_000;
const policy = policyOf(Object.assign({}, env, { FINISHED_ORDER_RETENTION_DAYS: "10" }));
const rows = <T>(n: number, of: (i: number) => T) => Array.from({ length: n }, (_, i) => of(i));

beforeEach(async () => {
  await reset();
  await migrate();
  // Only the steps are to end a round here: a slow machine would end it by its time.
  vi.useFakeTimers({ toFake: ["Date"] });
});
afterEach(() => void vi.useRealTimers());

/** By the row's number, so that old and new ones stand in no order. */
const scattered = (i: number) => `c${((i * 7_919) % 1_000_003).toString().padStart(7, "0")}`;

const OLD = {
  orders: (i: number) => orderRow({}, NOW_MS - 20 * DAY_MS - i),
  idempotency_keys: (i: number) => ({
    customer_id: scattered(i),
    key: "k",
    order_id: `o${i}`,
    created_at: NOW_MS - 3 * DAY_MS,
  }),
  presence: (i: number) => ({ customer_id: scattered(i), since: NOW_MS - 4 * DAY_MS }),
  dead_letters: (i: number) => ({
    id: scattered(i),
    queue: "q",
    body: "{}",
    attempts: 10,
    error: "no",
    at: NOW_MS - 40 * DAY_MS,
  }),
};

describe("housekeeping keeps pace with 1,000 orders a second", () => {
  test.each(Object.entries(OLD))("in %s: a minute's rows go in one round", async (table, row) => {
    await insertRows(table, rows<Record<string, unknown>>(A_MINUTE + 10_000, row));
    const start_ms = performance.now();
    await prune(env.DB, policy, NO_CURSORS, NOW_MS);
    const took_ms = performance.now() - start_ms;
    expect(A_MINUTE + 10_000 - (await count(table))).toBeGreaterThanOrEqual(A_MINUTE);
    expect(took_ms).toBeLessThan(MINUTE_MS / 2);
    console.info(`${table}: ${A_MINUTE + 10_000} rows in ${Math.round(took_ms)} ms`);
  });

  test("few old keys among many new ones all go within the two hours of a lap", async () => {
    const KEYS = 250_000;
    await env.DB.prepare(
      `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)
       INSERT INTO idempotency_keys (customer_id, key, order_id, created_at)
       SELECT printf('c%07d', (i * 7919) % 1000003), 'k', 'o' || i, iif(i % 50, ?2, ?3) FROM n`,
    )
      .bind(KEYS, NOW_MS, NOW_MS - 3 * DAY_MS)
      .run();
    let cursors = {
      ...NO_CURSORS,
      laps: { ...NO_CURSORS.laps, keys: { size: KEYS, met: 0, began_ms: 0 } },
    };
    let rounds = 0;
    do cursors = await prune(env.DB, policy, cursors, NOW_MS + rounds * MINUTE_MS);
    while (++rounds < 500 && cursors.keys !== "");
    expect(rounds).toBeLessThanOrEqual(120);
    expect(await count("idempotency_keys")).toBe(KEYS - KEYS / 50);
  });

  test("old orders that may not go hold up no other: the walk gets past them in a lap", async () => {
    const stuck = rows(30_000, (i) => orderRow({ status: "confirmed" }, NOW_MS - 90 * DAY_MS + i));
    await insertRows("orders", stuck);
    await insertRows("orders", rows(5_000, OLD.orders));
    let cursors = NO_CURSORS;
    let rounds = 0;
    do cursors = await prune(env.DB, policy, cursors, NOW_MS + rounds * MINUTE_MS);
    while (++rounds < 500 && cursors.orders !== "");
    expect(rounds).toBeLessThanOrEqual(120);
    expect(await count("orders", "status = 'paid'")).toBe(0);
    expect(await count("orders")).toBe(30_000);
  });
});
