import { setTimeout as sleep } from "node:timers/promises";
import { load } from "../lib/load.ts";
import type { Line } from "../lib/orders.ts";
import type { Stack } from "../lib/stack.ts";
import { QUEUE } from "../lib/systems.ts";

/** The shop that is overloaded: its items, and carts of many lines. */

export const skuOf = (i: number) => `OVERLOAD-${i}`;
const UNITS = 1_000_000;
/**
 * Of an order, out of so many SKUs. One local thread reads and refuses a call in half a millisecond
 * to one, and takes and settles a one-line order in two: it could not even read four times as many.
 */
const LINES = 50;
export const SKUS = 100;

export const SETTLE_MS = 150_000;
export const mega = (bytes: number) => Math.round(bytes / 1_048_576);

/** Seconds until nothing is unsettled; past `SETTLE_MS` something still is. */
export async function settled(stack: Stack): Promise<number> {
  const from_ms = performance.now();
  const waited_ms = () => performance.now() - from_ms;
  for (;;) {
    const [row] = await stack.read<{ open: number }>(QUEUE.openSql ?? "");
    if (row?.open === 0 || waited_ms() > SETTLE_MS) return waited_ms() / 1_000;
    await sleep(100);
  }
}

/** Carts that share their SKUs with others. */
export const carts = (count: number): Line[][] =>
  Array.from({ length: count }, (_, i) =>
    Array.from({ length: LINES }, (__, j) => ({ sku: skuOf((i * 7 + j) % SKUS), quantity: 1 })),
  );

export async function fill(stack: Stack): Promise<void> {
  for (let i = 0; i < SKUS; i++) {
    await load(stack.base, await QUEUE.stock(skuOf(i), UNITS), { concurrency: 1 });
  }
}
