import pMap from "p-map";
import type { Stack } from "../lib/stack.ts";
import { median } from "../lib/stats.ts";
import { withStack } from "../lib/systems.ts";
import { LOCKSTOCK, takeCounts } from "./count.ts";
import type { Usage } from "./prices.ts";
import { usageOf } from "./usage.ts";

/** What the cron's minutes use while nobody orders: rounds of rereading levels and of housekeeping. */

export const IDLE_ITEMS = [1_000, 10_000, 100_000];

export interface IdleMonth {
  items: number;
  usage: Usage;
  /** The median of a minute's round here. */
  round_ms: number;
}

/** Every tenth item is sold out. */
const SOLD_OUT_EVERY = 10;
const MINUTE_MS = 60_000;
const MINUTES_PER_MONTH = 30 * 24 * 60;
/** Rounds that are counted, after some in which each scan has been through the catalogue. */
const ROUNDS = 30;
const ROUNDS_BEFORE = 12;
const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 24 * HOUR_MS;
/** Rows of one statement. */
const STEP = 20_000;

/**
 * Puts items into the catalogue that have been quiet for so long that their levels are trusted for
 * the longest time.
 */
async function fill(stack: Stack, items: number): Promise<void> {
  const now_ms = Date.now();
  const refusing = items / SOLD_OUT_EVERY;
  const refusing_ms = Math.max(HOUR_MS, Math.ceil(refusing / 80) * MINUTE_MS);
  const isSoldOut = `n.i % ${SOLD_OUT_EVERY} = 0`;
  for (let from = 0; from < items; from += STEP) {
    const to = Math.min(items, from + STEP);
    const trust = `iif(${isSoldOut}, ${refusing_ms}, ${WEEK_MS})`;
    await stack.read(
      `WITH RECURSIVE n(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${to})
       INSERT INTO items (sku, name, price_amount, price_currency, updated_at, available,
         level_at, level_trust)
       SELECT printf('IDLE-%06d', n.i), 'Idle ' || n.i, 100, 'EUR', 0, iif(${isSoldOut}, 0, 9),
         ${now_ms} - (n.i * 7919 % ${items}) * (${trust} / ${items}), ${trust} FROM n`,
    );
  }
}

/** Makes the objects that will be asked, whose tables exist in a shop that has sold. */
async function makeObjects(stack: Stack): Promise<void> {
  const until_ms = Date.now() + (ROUNDS_BEFORE + ROUNDS + 2) * MINUTE_MS;
  const rows = await stack.read<{ sku: string }>(
    `SELECT sku FROM items WHERE level_at + level_trust < ${until_ms}`,
  );
  const make = ({ sku }: { sku: string }) =>
    stack.ask(1, `/__meter/fill?binding=ITEM&name=${sku}&sql=SELECT+1`);
  await pMap(rows, make, { concurrency: 8 });
}

/** A minute later, as the levels have it. */
async function round(stack: Stack): Promise<number> {
  await stack.read(`UPDATE items SET level_at = level_at - ${MINUTE_MS}`);
  const start_ms = performance.now();
  await stack.ask(0, "/__meter/poke?binding=RECONCILER&name=reconciler");
  return performance.now() - start_ms;
}

export function countIdle(items: number): Promise<IdleMonth> {
  return withStack(LOCKSTOCK, async (stack) => {
    await fill(stack, items);
    await makeObjects(stack);
    for (let i = 0; i < ROUNDS_BEFORE; i++) await round(stack);
    await takeCounts(stack, LOCKSTOCK);
    const cpu_s = stack.cpu_s();
    const took_ms: number[] = [];
    for (let i = 0; i < ROUNDS; i++) took_ms.push(await round(stack));
    const counts = await takeCounts(stack, LOCKSTOCK);
    // The cron's own request.
    counts["worker.requests cron"] = ROUNDS;
    const cpu_ms = (stack.cpu_s() - cpu_s) * 1_000;
    const minute = usageOf({ orders: ROUNDS, counts, cpu_ms });
    const usage = Object.fromEntries(
      Object.entries(minute).map(([key, n]) => [key, n * MINUTES_PER_MONTH]),
    ) as unknown as Usage;
    return { items, usage, round_ms: median(took_ms) };
  });
}
