import { setTimeout as sleep } from "node:timers/promises";
import { run, seed, warmUp } from "../lib/measure.ts";
import type { Metrics } from "../lib/observe.ts";
import { orders } from "../lib/orders.ts";
import type { Stack } from "../lib/stack.ts";
import { QUEUE, type System, variant, withStack } from "../lib/systems.ts";
import { type RunOptions, type Scenario, scaled } from "./scenario.ts";

/** 5,000 orders for an item that is sold out, with the gate on and off. */

const SKU = "GONE";
const ORDERS = 5_000;
/** The warm-up's last level follows by an alarm, a second after it; it is none of these orders'. */
const QUIET_MS = 2_500;

const ON = variant(QUEUE, "gate on", { SOLD_OUT_GATE: "on" });
const OFF = variant(QUEUE, "gate off", { SOLD_OUT_GATE: "off" });

/** A key is looked up before the gate is asked, so such orders cost a read in D1. */
const CASES: [name: string, system: System, hasKeys: boolean][] = [
  ["gate on", ON, false],
  ["gate on, with keys", ON, true],
  ["gate off", OFF, false],
  ["gate off, with keys", OFF, true],
];

/** Throws when an order that the gate refused has left a row or a message. */
async function measure(system: System, hasKeys: boolean, options: RunOptions): Promise<Metrics> {
  const units = new Map([[SKU, 0]]);
  return withStack(system, async (stack) => {
    await seed(stack, system, units);
    await warmUp(stack, system, options.concurrency, hasKeys);
    const lines = Array.from({ length: scaled(ORDERS, options) }, () => [
      { sku: SKU, quantity: 1 },
    ]);
    await sleep(QUIET_MS);
    const before = await traces(stack);
    const requests = await orders(lines, { hasKeys });
    const { metrics } = await run(stack, system, requests, units, options);
    const after = await traces(stack);
    if (system === ON && (after.rows !== before.rows || after.messages !== before.messages)) {
      throw new Error(`the gate let something through: ${JSON.stringify({ before, after })}`);
    }
    return metrics;
  });
}

/** Rows in D1, and batches that a consumer of either queue has had. */
async function traces(stack: Stack): Promise<{ rows: number; messages: number }> {
  const [found] = await stack.read<{ rows: number }>(
    "SELECT (SELECT count(*) FROM orders) + (SELECT count(*) FROM idempotency_keys) AS rows",
  );
  const batches = ["stock.batch_decided", "orders.batch_settled"];
  const messages = batches.reduce((sum, event) => sum + (stack.logged.get(event) ?? 0), 0);
  return { rows: found?.rows ?? Number.NaN, messages };
}

export const soldOut: Scenario = {
  name: "soldout",
  about: "5,000 orders for an item that is sold out",
  systems: CASES.map(([name]) => name),
  compares: ["accepted_per_s", "settled_per_s", "stackCpu_s"],
  measure(name, options) {
    const [, system, hasKeys] = CASES.find(([own]) => own === name) ?? [];
    if (!system || hasKeys === undefined) throw new RangeError(`no case ${name}`);
    return measure(system, hasKeys, options);
  },
};
