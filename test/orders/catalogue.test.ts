import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { ReadLevel } from "../../src/contract/stock-api.ts";
import { app } from "../../src/orders/http/app.ts";
import {
  type LevelCursors,
  NO_LEVEL_CURSORS,
  refreshLevels,
} from "../../src/orders/reconcile/refresh-levels.ts";
import { observed } from "../support/d1.ts";
import { candidateFor, place } from "./support/data.ts";
import { envWith, migrate, operatorToken, requestFor } from "./support/worker.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const ITEMS = 20_000;
/** Of these every tenth is sold out. */
const SOLD_OUT = ITEMS / 10;
const skuOf = (i: number): string => `C-${String(i).padStart(6, "0")}`;

/** Fills the catalogue; every level was told at `told_ms` and is trusted for so long. */
async function fill(told_ms: number, trust_ms: { refusing: number; others: number }) {
  await env.DB.batch([
    env.DB.prepare("DELETE FROM items"),
    env.DB.prepare("DELETE FROM level_round"),
    env.DB.prepare(
      `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?1)
       INSERT INTO items (sku, name, price_amount, price_currency, updated_at, received, available,
         sold, level_version, level_at, level_trust)
       SELECT printf('C-%06d', i), 'Item ' || i, 100, 'EUR', 0, 9, iif(i % 10, 9, 0),
         iif(i % 10, 0, 9), 1, ?2 - abs(random() % iif(i % 10, ?4, ?3)), iif(i % 10, ?4, ?3) FROM n`,
    ).bind(ITEMS, told_ms, trust_ms.refusing, trust_ms.others),
  ]);
}

/** Items that tell what the catalogue says, and count how often they are asked. */
function idleItems() {
  const asked = new Map<string, number>();
  const levels = async (skus: string[]): Promise<ReadLevel[]> =>
    skus.map((sku) => {
      asked.set(sku, (asked.get(sku) ?? 0) + 1);
      const isSoldOut = Number(sku.slice(2)) % 10 === 0;
      const [available, sold] = isSoldOut ? [0, 9] : [9, 0];
      const level = { sku, received: 9, available, held: 0, sold };
      return { level, levelVersion: 1, breaches: 0, at: new Date().toISOString(), paused: false };
    });
  const total = () => [...asked.values()].reduce((sum, n) => sum + n, 0);
  return { levels, asked, total };
}

/** The cron's minutes, one after the other. */
async function minutes(
  count: number,
  wired: OrdersEnv,
  each: (minute: number) => Promise<unknown> = async () => {},
): Promise<LevelCursors> {
  let cursors = NO_LEVEL_CURSORS;
  const start_ms = Date.now();
  for (let minute = 1; minute <= count; minute++) {
    vi.setSystemTime(start_ms + minute * MINUTE_MS);
    cursors = await refreshLevels(wired, cursors);
    await each(minute);
  }
  return cursors;
}

const isRefused = async (sku: string, at_ms: number) =>
  (await place(candidateFor(sku), { now_ms: at_ms })).type === "refused";

beforeAll(migrate);
afterEach(() => void vi.useRealTimers());

describe(`a catalogue of ${ITEMS} items`, () => {
  test("the gate never sleeps for a sold-out item that is quiet, though all were told at once", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    await fill(Date.now(), { refusing: 90_000, others: 90_000 });
    const { levels } = idleItems();
    const asleep: string[] = [];
    await minutes(40, envWith({ STOCK: { levels } }), async (minute) => {
      for (const i of [0, 7, 499, 500, 1_234, 1_999]) {
        const [sku, late_ms] = [skuOf(i * 10), 59_000];
        if (!(await isRefused(sku, Date.now() + late_ms))) asleep.push(`${sku} at ${minute}`);
      }
    });
    // From the first round on: what it has not reached yet is trusted as long as it takes.
    expect(asleep).toEqual([]);
  });

  test("asks quiet items seldom, and writes a row only for those", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    await fill(Date.now(), { refusing: HOUR_MS, others: 7 * DAY_MS });
    const { levels, total } = idleItems();
    const { db, rowsWritten } = observed(env.DB);
    const MINUTES = 120;
    await minutes(MINUTES, { ...envWith({ STOCK: { levels } }), DB: db });
    // Each sold-out item once an hour, and those with stock once a week.
    const expected = (MINUTES * SOLD_OUT) / 58 + (MINUTES * (ITEMS - SOLD_OUT)) / (7 * 24 * 60);
    expect(total()).toBeGreaterThan(0.9 * expected);
    expect(total()).toBeLessThan(1.2 * expected);
    expect(rowsWritten()).toBeLessThanOrEqual(total() + 2);
    // A tenth of an item each of 1,000 a minute.
    expect(total() / MINUTES).toBeLessThan(100);
  });

  test("a level that was lost heals, soon after the last change and later if it was quiet", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const now_ms = Date.now();
    await fill(now_ms, { refusing: HOUR_MS, others: 7 * DAY_MS });
    const [fresh, quiet] = [skuOf(0), skuOf(10)];
    await env.DB.prepare("UPDATE items SET level_trust = 90000, level_at = ? WHERE sku = ?")
      .bind(now_ms, fresh)
      .run();
    const idle = idleItems();
    const levels = async (skus: string[]): Promise<ReadLevel[]> =>
      (await idle.levels(skus)).map((told) => {
        if (told.level.sku !== fresh && told.level.sku !== quiet) return told;
        return { ...told, levelVersion: 2, level: { ...told.level, received: 12, available: 3 } };
      });
    const healed = new Map<string, number>();
    await minutes(61, envWith({ STOCK: { levels } }), async (minute) => {
      for (const sku of [fresh, quiet]) {
        const isOpen = !(await isRefused(sku, Date.now()));
        if (isOpen && !healed.has(sku)) healed.set(sku, minute);
      }
    });
    expect(healed.get(fresh)).toBeLessThanOrEqual(1);
    expect(healed.get(quiet)).toBeLessThanOrEqual(60);
  });

  test("is read by operators, for an export and on the dashboard in bounded parts", async () => {
    await fill(Date.now(), { refusing: HOUR_MS, others: 7 * DAY_MS });
    const { db, trips } = observed(env.DB);
    const token = await operatorToken();
    const readBy = async (path: string) => {
      const before = trips.length;
      const request = requestFor("GET", path, { token });
      const response = await app.fetch(request, envWith({ DB: db }), createExecutionContext());
      expect(response.status).toBe(200);
      await response.text();
      return trips.slice(before).map(({ rowsRead }) => rowsRead);
    };
    const most = async (path: string) => Math.max(...(await readBy(path)));
    expect(await most("/v1/items?limit=100")).toBeLessThan(500);
    expect(await most("/v1/operations/items?limit=20")).toBeLessThan(5_000);
    expect(await most("/v1/operations/items?q=nowhere&sort=saleStartsAt")).toBeLessThan(10_000);
    expect(await most("/v1/operations")).toBeLessThan(500);
    const pages = await readBy("/v1/operations/items/export");
    expect(pages.length).toBeGreaterThanOrEqual(ITEMS / 500);
    expect(Math.max(...pages)).toBeLessThan(5_000);
  });
});
