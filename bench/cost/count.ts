import { setTimeout as sleep } from "node:timers/promises";
import { load } from "../lib/load.ts";
import { seed } from "../lib/measure.ts";
import { oversold, settled } from "../lib/observe.ts";
import { orders } from "../lib/orders.ts";
import type { Stack } from "../lib/stack.ts";
import { D1_ONLY, ONE_AT_A_TIME, QUEUE, type System, variant, withStack } from "../lib/systems.ts";

/** Counts what orders use: real Workers in workerd, with counting bindings (`bench/meter`). */

/** By what was counted and who used it, e.g. `d1.rowsWritten OrderDesk`. */
export type Counts = Record<string, number>;

export interface Counted {
  orders: number;
  counts: Counts;
  /** Of the whole stack: workerd runs D1 and the queues too, so it is more than is billed. */
  cpu_ms: number;
}

export interface MeteredSystem extends System {
  /** Objects to forget between lone orders, as `binding, name, config`. */
  forgets: readonly [binding: string, name: string, config: number][];
  /** A lone order is settled within this. */
  settles_ms: number;
}

const SKU = "COUNTED";

const meter = (
  system: System,
  forgets: MeteredSystem["forgets"],
  settles_ms = 100,
): MeteredSystem => {
  const entries = system.stack.configs.map((config) => ENTRIES[config] ?? "");
  return { ...system, forgets, settles_ms, stack: { ...system.stack, entries } };
};

const ENTRIES: Record<string, string> = {
  "wrangler.toml": "bench/meter/lockstock-orders.ts",
  "wrangler.stock.toml": "bench/meter/lockstock-stock.ts",
  "bench/baselines/d1-only/wrangler.toml": "bench/meter/d1-only.ts",
  "bench/baselines/one-at-a-time/wrangler.toml": "bench/meter/one-at-a-time.ts",
};

const OBJECTS: MeteredSystem["forgets"] = [
  ["DESK", "desk-0", 0],
  ["RECONCILER", "reconciler", 0],
  ["ITEM", SKU, 1],
];
export const LOCKSTOCK = meter(QUEUE, OBJECTS);
/** Changes are not listed. */
export const LEAN = meter(variant(QUEUE, QUEUE.name, { CHANGES: "off" }), OBJECTS);
/** Both batches of a lone order wait 5 s to fill: the documented defaults. */
const TWO_BATCHES_MS = 10_500;
export const BASELINES = [
  meter(D1_ONLY, []),
  meter(ONE_AT_A_TIME, [["ITEM", SKU, 0]], TWO_BATCHES_MS),
];

export interface Load {
  orders: number;
  hasKeys?: boolean;
  /** Default 1: a hot item. More: order i is for the SKU i modulo this. */
  skus?: number;
}

/** At full load: as many at once as `concurrency`, until all of them are confirmed. */
export function countFull(
  system: MeteredSystem,
  { concurrency, ...options }: Load & { concurrency: number },
): Promise<Counted> {
  return counting(system, options, async (stack, requests) => {
    const cpu_s = stack.cpu_s();
    const { status } = await load(stack.base, requests, { concurrency });
    requireAccepted(status);
    await settled(stack, system);
    return (stack.cpu_s() - cpu_s) * 1_000;
  });
}

/**
 * Every order alone: it is sent when the one before is confirmed and all objects have forgotten what
 * they knew of it, so nothing is shared. The reconciler's alarm, half a minute later, is rung at once.
 */
export function countLone(system: MeteredSystem, options: Load): Promise<Counted> {
  return counting(system, options, async (stack, requests) => {
    let cpu_s = 0;
    for (const request of requests) {
      for (const object of system.forgets) await touch(stack, "forget", object);
      const before_s = stack.cpu_s();
      const { status } = await load(stack.base, [request], { concurrency: 1 });
      requireAccepted(status);
      // Not asked for meanwhile: asking costs more than an order.
      await sleep(system.settles_ms);
      cpu_s += stack.cpu_s() - before_s;
      await settled(stack, system);
      for (const object of system.forgets.filter(isReconciler)) {
        await touch(stack, "forget", object);
        await touch(stack, "ring", object);
      }
    }
    return cpu_s * 1_000;
  });
}

const isReconciler = ([binding]: MeteredSystem["forgets"][number]) => binding === "RECONCILER";

const touch = (stack: Stack, what: string, [binding, name, config]: [string, string, number]) =>
  stack.ask(config, `/__meter/${what}?binding=${binding}&name=${name}`);

export async function counting(
  system: MeteredSystem,
  { orders: count, hasKeys = true, skus = 1 }: Load,
  /** Sends the orders, waits until all have an outcome, and answers with the CPU time, in ms. */
  work: (stack: Stack, requests: Awaited<ReturnType<typeof orders>>) => Promise<number>,
): Promise<Counted> {
  return withStack(system, async (stack) => {
    const skuOf = (i: number): string => (skus === 1 ? SKU : `${SKU}-${i % skus}`);
    // One unit stays: selling out is a row of the item, for its index, and of no order.
    const units = new Map(Array.from({ length: skus }, (_, i) => [skuOf(i), count / skus + 1]));
    await seed(stack, system, units);
    // The item's first level is told by then, so that no alarm of the seeding is counted.
    await sleep(LEVEL_TOLD_MS);
    const lines = Array.from({ length: count }, (_, i) => [{ sku: skuOf(i), quantity: 1 }]);
    const requests = await orders(lines, { hasKeys });
    await takeCounts(stack, system);
    const cpu_ms = await work(stack, requests);
    await sleep(LEVEL_TOLD_MS);
    await requireAllConfirmed(stack, count, units);
    return { orders: count, counts: await takeCounts(stack, system), cpu_ms };
  });
}

const LEVEL_TOLD_MS = 1_500;

export async function takeCounts(stack: Stack, { stack: { configs } }: System): Promise<Counts> {
  const all: Counts = {};
  for (const config of configs.keys()) {
    const own = (await stack.ask(config, "/__meter/counts")) as Counts;
    for (const [name, n] of Object.entries(own)) all[name] = (all[name] ?? 0) + n;
  }
  return all;
}

function requireAccepted(status: ArrayLike<number>): void {
  const bad = Array.from(status).find((code) => code !== 201 && code !== 202);
  if (bad !== undefined) throw new Error(`an order was answered with ${bad}`);
}

async function requireAllConfirmed(
  stack: Stack,
  wanted: number,
  units: ReadonlyMap<string, number>,
): Promise<void> {
  const rows = await stack.read<{ id: string; status: string; lines: string; updated_at: number }>(
    "SELECT id, status, lines, updated_at FROM orders",
  );
  const confirmed = rows.filter(({ status }) => status === "confirmed").length;
  if (confirmed !== wanted || oversold(rows, units) > 0) {
    throw new Error(`${confirmed} of ${wanted} orders were confirmed`);
  }
}
