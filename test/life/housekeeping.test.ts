import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { policyOf } from "../../src/orders/config/policy.ts";
import { readDashboard } from "../../src/orders/operators/dashboard.sql.ts";
import { foldMinutes } from "../../src/orders/order/minutes.sql.ts";
import { NO_CURSORS, prune } from "../../src/orders/reconcile/retention.ts";
import { observed } from "../support/d1.ts";
import { count, DAY_MS, insertRows, orderRow } from "./support/rows.ts";
import { migrate } from "./support/world.ts";

const NOW_MS = Date.now();
const HOUR_MS = 3_600_000;
const START = NO_CURSORS;
/** Every walk is at its beginning. */
const AT_START = { orders: "", presence: "", keys: "" };
const policyWith = (vars: Partial<OrdersEnv>) => policyOf(Object.assign({}, env, vars));
const round = (vars: Partial<OrdersEnv> = {}, cursors = START, db = env.DB) =>
  prune(db, policyWith(vars), cursors, NOW_MS);
const rows = <T>(n: number, of: (i: number) => T) => Array.from({ length: n }, (_, i) => of(i));

beforeEach(async () => {
  await reset();
  await migrate();
  // No part ends by its five seconds, however busy the machine is.
  vi.useFakeTimers({ toFake: ["Date"], now: NOW_MS });
});
afterEach(() => vi.useRealTimers());

describe("idempotency keys", () => {
  const key = (i: number, age_ms: number) => ({
    customer_id: `c${i % 7}`,
    key: `k${i}`,
    order_id: `o${i}`,
    created_at: NOW_MS - age_ms,
  });

  test("are kept for KEY_RETENTION_HOURS, 48 by default", async () => {
    await insertRows("idempotency_keys", [key(1, 48 * HOUR_MS + 1), key(2, 48 * HOUR_MS)]);
    await round();
    expect(await count("idempotency_keys", "key = 'k2'")).toBe(1);
    expect(await count("idempotency_keys")).toBe(1);
    await round({ KEY_RETENTION_HOURS: "47" });
    expect(await count("idempotency_keys")).toBe(0);
  });

  test("go in steps of 2,000, at most 120,000 a round", async () => {
    await insertRows(
      "idempotency_keys",
      rows(120_500, (i) => key(i, 100 * HOUR_MS + i)),
    );
    const { db, trips } = observed(env.DB);
    await round({}, START, db);
    expect(await count("idempotency_keys")).toBe(500);
    expect(trips.filter(({ sql }) => sql[0]?.includes("idempotency_keys"))).toHaveLength(60);
    await round();
    expect(await count("idempotency_keys")).toBe(0);
  });

  test("are walked a step a round while few are old, and all old ones go in the end", async () => {
    const age_ms = (i: number) => (i % 20 === 0 ? 100 * HOUR_MS : HOUR_MS);
    await insertRows(
      "idempotency_keys",
      rows(7_000, (i) => key(i, age_ms(i))),
    );
    let cursors = START;
    for (let rounds = 1; rounds <= 4; rounds++) {
      const { db, trips } = observed(env.DB);
      cursors = await round({}, cursors, db);
      expect(trips.filter(({ sql }) => sql[0]?.includes("idempotency_keys"))).toHaveLength(1);
      expect(cursors.keys === "").toBe(rounds === 4);
    }
    expect(await count("idempotency_keys")).toBe(6_650);
    expect(await count("idempotency_keys", `created_at < ${NOW_MS - 48 * HOUR_MS}`)).toBe(0);
  });

  test("that are kept as short as 23 hours are a mistake that stops the Worker", () => {
    expect(() => policyWith({ KEY_RETENTION_HOURS: "23" })).toThrow("KEY_RETENTION_HOURS");
  });
});

test("dead letters are kept for DEAD_LETTER_RETENTION_DAYS, 30 by default", async () => {
  const letter = (id: string, age_ms: number) => ({
    id,
    queue: "order-events-dlq",
    body: "{}",
    attempts: 10,
    error: "no",
    at: NOW_MS - age_ms,
  });
  await insertRows("dead_letters", [letter("old", 30 * DAY_MS + 1), letter("new", 30 * DAY_MS)]);
  await round();
  expect(await count("dead_letters", "id = 'new'")).toBe(1);
  expect(await count("dead_letters")).toBe(1);
  await round({ DEAD_LETTER_RETENTION_DAYS: "29" });
  expect(await count("dead_letters")).toBe(0);
});

describe("finished orders", () => {
  const old = (parts = {}, age_ms = 1_000 * DAY_MS) => orderRow(parts, NOW_MS - age_ms);

  test("are kept for ever by default", async () => {
    await insertRows("orders", [old(), old({ status: "cancelled", reason: "out_of_stock" })]);
    expect(await round()).toMatchObject(AT_START);
    expect(await count("orders")).toBe(2);
  });

  test("go FINISHED_ORDER_RETENTION_DAYS after their last step, as when a long payment window ended", async () => {
    const after = (last_ms: number) => old({ updated_at: NOW_MS - last_ms });
    await insertRows("orders", [after(10 * DAY_MS - 1_000), after(10 * DAY_MS + 1_000)]);
    await round({ FINISHED_ORDER_RETENTION_DAYS: "10" });
    expect(await count("orders", `updated_at = ${NOW_MS - 10 * DAY_MS + 1_000}`)).toBe(1);
    expect(await count("orders")).toBe(1);
  });

  test("go by their age if nothing has happened to them; unfinished and unsettled ones never", async () => {
    const cancelled = { status: "cancelled", reason: "customer_request" };
    await insertRows("orders", [
      old(),
      old(cancelled),
      old({}, 10 * DAY_MS + 1_000),
      old({ id: old({}, 10 * DAY_MS - 1_000).id, currency: "KEPT" }),
      old({ ...cancelled, awaits: "release", due_at: 1, currency: "KEPT" }),
      old({ awaits: "commit", due_at: 1, currency: "KEPT" }),
      old({ status: "confirmed", currency: "KEPT" }),
      old({ status: "pending", awaits: "lock", due_at: 1, currency: "KEPT" }),
    ]);
    await round({ FINISHED_ORDER_RETENTION_DAYS: "10" });
    expect([await count("orders"), await count("orders", "currency = 'KEPT'")]).toEqual([5, 5]);
  });

  const vars = { FINISHED_ORDER_RETENTION_DAYS: "10" };
  /** Old orders, of which every n-th is paid and may go. */
  async function insertOld(count: number, every: number): Promise<string[]> {
    const all = rows(count, (i) =>
      old(i % every === 0 ? {} : { status: "confirmed" }, 1_000 * DAY_MS - i),
    );
    await insertRows("orders", all);
    return all.map(({ id }) => id).toSorted();
  }

  test("go in steps of 2,000 looked at, in one round while a tenth of them may go", async () => {
    await insertOld(5_000, 2);
    const { db, trips } = observed(env.DB);
    expect(await round(vars, START, db)).toMatchObject(AT_START);
    expect(trips.filter(({ sql }) => sql[0]?.includes("FROM orders"))).toHaveLength(3);
    expect(await count("orders")).toBe(2_500);
    expect(await count("orders", "status = 'paid'")).toBe(0);
  });

  test("are walked a step a round while few may go, and the walk goes on where it was", async () => {
    const ids = await insertOld(5_000, 20);
    const first = await round(vars);
    expect(first.orders).toBe(ids[1_999]);
    const second = await round(vars, first);
    expect(second.orders).toBe(ids[3_999]);
    expect(await round(vars, second)).toMatchObject(AT_START);
    expect(await count("orders", "status = 'paid'")).toBe(0);
  });

  test("must outlive their keys", () => {
    const vars = { FINISHED_ORDER_RETENTION_DAYS: "2", KEY_RETENTION_HOURS: "49" };
    expect(() => policyWith(vars)).toThrow("must not be shorter than KEY_RETENTION_HOURS");
  });
});

test("a payment outlives its order, also one that was returned long after it was paid", async () => {
  const kept = orderRow({ updated_at: NOW_MS - DAY_MS }, NOW_MS - 99 * DAY_MS);
  const payment = (reference: string, orderId: string, more = {}) => ({
    reference,
    order_id: orderId,
    amount: 200,
    currency: "EUR",
    state: "applied",
    why: null,
    successor_id: null,
    received_at: NOW_MS - 90 * DAY_MS,
    updated_at: NOW_MS - 90 * DAY_MS,
    actor: "{}",
    ...more,
  });
  await insertRows("orders", [kept]);
  await insertRows("payments", [
    payment("kept", kept.id),
    payment("gone", "an order that was pruned"),
    payment("late", "an order that expired", {
      successor_id: kept.id,
      state: "refunded",
      why: "ended",
    }),
  ]);
  await round({ FINISHED_ORDER_RETENTION_DAYS: "10" });
  const { results } = await env.DB.prepare("SELECT reference FROM payments ORDER BY id").all();
  expect(results.map(({ reference }) => reference)).toEqual(["kept", "late"]);
});

test("a mark of presence goes after three days, in as many steps as it takes", async () => {
  const mark = (i: number, age_ms: number) => ({
    customer_id: `c${String(i).padStart(5, "0")}`,
    since: NOW_MS - age_ms,
  });
  await insertRows("presence", [
    ...rows(2_200, (i) => mark(i, 3 * DAY_MS + 1)),
    ...rows(100, (i) => mark(3_000 + i, 3 * DAY_MS)),
  ]);
  expect(await round()).toMatchObject(AT_START);
  expect(await count("presence")).toBe(100);
});

describe("changes", () => {
  const OLD_MS = 30 * DAY_MS + 1;
  /** Rows by their age in days, from id 1 on; "old" is older than what is kept. */
  const insertAged = (ages: readonly (number | "old")[]) =>
    insertRows(
      "changes",
      ages.map((age, i) => ({
        id: i + 1,
        at: NOW_MS - (age === "old" ? OLD_MS : age * DAY_MS),
        entries: '[["item.sold_out","S"]]',
      })),
    );
  const left = async () => {
    const { results } = await env.DB.prepare("SELECT id FROM changes ORDER BY id").all<{
      id: number;
    }>();
    return results.map(({ id }) => id);
  };

  test("go from the oldest up to the first that is kept, so that a gap is never passed unseen", async () => {
    await insertAged(["old", "old", 29, "old", "old", 1]);
    await round();
    expect(await left()).toEqual([3, 4, 5, 6]);
  });

  test("dated ahead go with the first old one behind them, and hold up none", async () => {
    await insertAged(["old", -300, -300, "old", -1, 29, "old", 1]);
    await round();
    expect(await left()).toEqual([5, 6, 7, 8]);
  });

  test("that are all dated ahead stay, however many, and go once old ones are behind them", async () => {
    await insertAged(Array.from({ length: 1_200 }, () => -300));
    await round();
    expect(await count("changes")).toBe(1_200);
    await insertRows("changes", [
      { id: 1_201, at: NOW_MS - OLD_MS, entries: "[]" },
      { id: 1_202, at: NOW_MS, entries: "[]" },
    ]);
    await round();
    expect(await left()).toEqual([1_202]);
  });
});

describe("minutes", () => {
  test("older than two days fold into row 0, 500 a step, and no total changes", async () => {
    const minute = Math.floor(NOW_MS / 60_000);
    await insertRows(
      "minutes",
      rows(1_200, (i) => ({
        minute: minute - 2_880 - 1_150 + i,
        placed: i % 3,
        confirmed: i % 5,
        paid: i % 2,
        cancelled: i % 7,
        withdrawn: i % 2,
        ms_5: i,
        ms_more: 1,
      })),
    );
    const sums = () =>
      env.DB.prepare(
        `SELECT sum(placed), sum(confirmed), sum(paid), sum(cancelled), sum(withdrawn), sum(ms_5),
           sum(ms_more) FROM minutes`,
      ).first();
    const [before, counts] = [await sums(), (await readDashboard(env.DB, NOW_MS)).orders];
    for (const left of [700, 200, 50, 50]) {
      await foldMinutes(env.DB, NOW_MS);
      expect(await count("minutes", "minute > 0")).toBe(left);
      expect(await count("minutes", "minute = 0")).toBe(1);
      expect(await sums()).toEqual(before);
    }
    expect(await count("minutes", `minute > 0 AND minute < ${minute - 2_880}`)).toBe(0);
    expect((await readDashboard(env.DB, NOW_MS)).orders).toEqual(counts);
  });

  test("with nothing to fold leave no row 0", async () => {
    await foldMinutes(env.DB, NOW_MS);
    expect(await count("minutes")).toBe(0);
  });
});
