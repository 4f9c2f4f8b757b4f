import type { Measured } from "../cost/figures.ts";
import { dollars } from "../cost/prices.ts";
import { short, table, whole } from "../lib/markdown.ts";
import { type Calibration, STEPS } from "./calibrate.ts";
import { ASSUMED, LIMITS, SETTINGS, SOURCES } from "./limits.ts";
import { type Needs, needsOf, type Sale, wallsOf } from "./model.ts";

/** The tables of docs/scaling.md. */

const RATES = [100, 1_000, 10_000, 100_000];

export const tablesOf = (calibration: Calibration, systems: readonly Measured[]) => ({
  inputs: inputs(calibration),
  "walls, one hot SKU": walls(calibration, "one hot SKU"),
  "walls, many SKUs": walls(calibration, "many SKUs"),
  "needs, one hot SKU": needs(calibration, systems, "one hot SKU"),
  "needs, many SKUs": needs(calibration, systems, "many SKUs"),
});

function inputs({ fits, order_bytes, lock_bytes }: Calibration): string {
  const rows = STEPS.map((step) => {
    const { fixed_ms, each_ms } = fits[step];
    return [`${step}: a batch of n orders, ms`, `${short(fixed_ms)} + ${short(each_ms)} n`];
  });
  return table(
    ["input", "value"],
    [
      ...rows,
      ["an order in D1 for good, bytes", whole(order_bytes)],
      ["a lock and its movement in the item, bytes", whole(lock_bytes)],
      ["orders that fill 10 GB of D1", whole(LIMITS.d1_bytes / order_bytes)],
      ["locks that fill 10 GB of an item", whole(LIMITS.object_bytes / lock_bytes)],
      ["assumed: D1 from a desk, there and back, ms", String(ASSUMED.d1RoundTrip_ms)],
      ["assumed: a call of an object, there and back, ms", String(ASSUMED.objectCall_ms)],
      ["of a thread or a limit at most used", String(ASSUMED.share)],
      ["orders are held for a message under load, at least, ms", String(SETTINGS.hold_ms)],
    ],
  );
}

function walls(calibration: Calibration, sale: Sale): string {
  const rows = wallsOf(calibration, sale).map(({ what, rate_per_s }) => [what, whole(rate_per_s)]);
  return table([`as deployed, ${sale}: what is full`, "at orders/s"], rows);
}

function needs(calibration: Calibration, systems: readonly Measured[], sale: Sale): string {
  const all = RATES.map((rate) => needsOf(rate, calibration, sale));
  const lines: [string, (need: Needs) => string][] = [
    ["D1 databases", ({ databases }) => whole(databases)],
    ["desks in all", ({ desks }) => whole(desks)],
    ["orders a commit", ({ ordersPerCommit }) => short(ordersPerCommit)],
    ["ms from a commit of a desk to its next", ({ cycle_ms }) => short(cycle_ms)],
    ["messages/s on a queue", ({ queueMessages_per_s }) => whole(queueMessages_per_s)],
    ["queues each way", ({ queues }) => whole(queues)],
    ["stock consumers", ({ stockConsumers }) => whole(stockConsumers)],
    ["objects for a SKU's stock", ({ itemsPerSku }) => whole(itemsPerSku)],
    ["hours until a database is full, unpruned", ({ full_h }) => short(full_h)],
    ["dollars an hour", ({ rate_per_s }) => short(dollarsAnHour(rate_per_s, systems, sale))],
  ];
  return table(
    [`${sale}, orders/s`, ...RATES.map(whole)],
    lines.map(([what, of]) => [what, ...all.map(of)]),
  );
}

/** At what an order costs at full load, which the lower rates are not yet. */
function dollarsAnHour(rate_per_s: number, systems: readonly Measured[], sale: Sale): number {
  const load = sale === "many SKUs" ? "full load, many SKUs" : "full load";
  const usage = systems.find(({ name }) => name === load)?.usage;
  return usage ? (dollars(usage) * rate_per_s * 3_600) / 1e6 : Number.NaN;
}

export const sources = (): string => `Limits: ${SOURCES.join(" · ")}`;
