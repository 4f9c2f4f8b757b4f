import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { policyOf } from "../../src/orders/config/policy.ts";
import { NO_CURSORS, prune } from "../../src/orders/reconcile/retention.ts";
import { brokenDb, observed } from "../support/d1.ts";
import { eventually } from "../support/eventually.ts";
import { count, DAY_MS, insertRows, orderRow } from "./support/rows.ts";
import { migrate, newCustomer, reconciler, WAIT, worldOf } from "./support/world.ts";

const NOW_MS = Date.now();
const rows = <T>(n: number, of: (i: number) => T) => Array.from({ length: n }, (_, i) => of(i));
const oldKeys = (n: number) =>
  insertRows(
    "idempotency_keys",
    rows(n, (i) => ({ customer_id: "c", key: `k${i}`, order_id: "o", created_at: 1 })),
  );
const isOfKeys = ({ sql }: { sql: string[] }) => sql.join().includes("idempotency_keys");
const isOfDueNext = ({ sql }: { sql: string[] }) => sql.join().startsWith("SELECT min(due_at)");
const failing = (part: string) => (sql: string[]) => {
  if (sql.join().includes(part)) throw new Error("D1_ERROR: too busy");
};

beforeEach(async () => {
  await reset();
  await migrate();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe("the cron's minute", () => {
  test("takes a step of every kind and remembers where it was", async () => {
    const world = await worldOf({ vars: { FINISHED_ORDER_RETENTION_DAYS: "10" } });
    await insertRows(
      "orders",
      rows(2_100, (i) => {
        const isFirst = i < 2_000;
        return orderRow(
          isFirst && i % 20 > 0 ? { status: "confirmed" } : {},
          NOW_MS - (isFirst ? 30 : 20) * DAY_MS,
        );
      }),
    );
    await insertRows("presence", [{ customer_id: "gone", since: 1 }]);
    await reconciler().poke();
    expect(await count("orders", "status = 'paid'")).toBe(100);
    expect(await count("presence")).toBe(0);
    await reconciler().poke();
    expect(await count("orders", "status = 'paid'")).toBe(0);
    expect(world.messages()).toBe(0);
  });

  test("rereads levels, so that one that was lost heals and a gate opens", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    const lost = "available = 0, level_version = 0, level_at = level_at - 60000";
    await env.DB.prepare(`UPDATE items SET ${lost} WHERE sku = ?`).bind(sku).run();
    const place = (key: string) =>
      world.place(newCustomer(), [{ sku, quantity: 1 }], { ...WAIT, "Idempotency-Key": key });
    expect((await place("before")).status).toBe(409);
    await reconciler().poke();
    expect((await place("after")).status).toBe(201);
  });

  test("asks 900 items that refuse orders, and the next minute those after them", async () => {
    const asked: string[] = [];
    await worldOf({
      stock: {
        async levels(skus) {
          asked.push(...skus);
          return [];
        },
      },
    });
    const skus = rows(1_050, (i) => `SKU-${String(i).padStart(4, "0")}`);
    await insertRows(
      "items",
      skus.map((sku) => ({
        sku,
        name: sku,
        price_amount: 1,
        price_currency: "EUR",
        updated_at: 1,
      })),
    );
    await reconciler().poke();
    expect(asked).toEqual(skus.slice(0, 900));
    await reconciler().poke();
    expect(asked).toEqual(skus);
    await reconciler().poke();
    expect(asked).toEqual([...skus, ...skus.slice(0, 900)]);
  });

  test("has one round at a time, however slow D1 is", async () => {
    const gate = Promise.withResolvers<void>();
    const { db, trips } = observed(env.DB, {
      before: (sql) => (isOfKeys({ sql }) ? gate.promise : undefined),
    });
    await worldOf({ db });
    await oldKeys(10);
    const first = reconciler().poke();
    await eventually(() => expect(trips.filter(isOfKeys)).toHaveLength(1));
    const second = reconciler().poke();
    // Its pass is over once it has asked what is due next; only then may a second round begin.
    await eventually(() => expect(trips.filter(isOfDueNext)).toHaveLength(2));
    await new Promise((resolve) => setTimeout(resolve, 100));
    gate.resolve();
    await Promise.all([first, second]);
    expect(trips.filter(isOfKeys)).toHaveLength(1);
    await reconciler().poke();
    expect(trips.filter(isOfKeys)).toHaveLength(2);
  });

  test("goes on with housekeeping when the levels cannot be read", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    await worldOf({ db: observed(env.DB, { before: failing("FROM items") }).db });
    await oldKeys(10);
    await reconciler().poke();
    expect(await count("idempotency_keys")).toBe(0);
  });
});

describe("a round of housekeeping", () => {
  const policy = policyOf(Object.assign({}, env, { FINISHED_ORDER_RETENTION_DAYS: "10" }));
  const cursors = { ...NO_CURSORS, presence: "someone" };

  test("goes on with its other parts when one fails, which begins again where it was", async () => {
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    await insertRows(
      "orders",
      rows(2_100, (i) => orderRow(i % 20 > 0 ? { status: "confirmed" } : {}, i + 1)),
    );
    await oldKeys(10);
    const { db } = observed(env.DB, { before: failing("presence") });
    const next = await prune(db, policy, cursors, NOW_MS);
    expect(next).toMatchObject({
      orders: expect.stringMatching(/^0/),
      presence: "someone",
      keys: "",
    });
    expect(await count("orders", "status = 'paid'")).toBe(5);
    expect(await count("idempotency_keys")).toBe(0);
    expect(logged.mock.calls.map(([line]) => JSON.parse(String(line)))).toEqual([
      {
        level: "error",
        event: "prune.failed",
        part: "presence",
        error: "Error: D1_ERROR: too busy",
      },
    ]);
  });

  test("never throws, though D1 is away", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    expect(await prune(brokenDb(env.DB), policy, cursors, NOW_MS)).toEqual(cursors);
  });

  test("begins no step of a part after five seconds, and goes on from there", async () => {
    await insertRows(
      "presence",
      rows(10_000, (i) => ({ customer_id: `c${String(i).padStart(5, "0")}`, since: 1 })),
    );
    vi.useFakeTimers({ toFake: ["Date"] });
    const { db } = observed(env.DB, {
      before: () => void vi.setSystemTime(Date.now() + 2_000),
    });
    const next = await prune(db, policy, { ...cursors, presence: "" }, NOW_MS);
    expect(next.presence).toBe("c05999");
    expect(await count("presence")).toBe(4_000);
    expect(await prune(env.DB, policy, next, NOW_MS)).toMatchObject({ presence: "" });
    expect(await count("presence")).toBe(0);
  });
});
