import { setTimeout as sleep } from "node:timers/promises";
import type { Counts } from "../cost/count.ts";
import type { Prepared } from "../lib/load.ts";
import { seed } from "../lib/measure.ts";
import { type Metrics, settled } from "../lib/observe.ts";
import { orders, tokenOf } from "../lib/orders.ts";
import type { Stack } from "../lib/stack.ts";
import { percentile } from "../lib/stats.ts";
import { D1_ONLY, QUEUE, type System, variant, withStack } from "../lib/systems.ts";
import { flood, type Outcome } from "../overload/flood.ts";
import { NO_METRICS, type RunOptions, type Scenario } from "./scenario.ts";

/**
 * What placing an order costs its buyer while thousands look: viewers of the catalogue at a rate of
 * their own, customers who list their orders, and sockets that reconnect. With the limits of a fresh
 * start. *d1-only* serves the same viewers from D1, and single orders instead of lists.
 */

const SECONDS = 10;
/** 5,000 viewers who each look every 10 s. */
const VIEWS_PER_S = 500;
const LISTS_PER_S = 20;
const RECONNECTS_PER_S = 20;
const ORDERS_PER_S = 60;
const ITEMS = 20;
const UNITS = 10_000;
/** Before it is measured: connections, code and caches are warm. */
const WARM_SECONDS = 2;

const skuOf = (i: number): string => `SKU-${i % ITEMS}`;

/** Counts D1's round trips by who made them; `http` is the Worker that answers calls. */
const METERED = { entries: ["bench/meter/lockstock-orders.ts", "bench/meter/lockstock-stock.ts"] };
const OURS = variant(QUEUE, "lockstock", { RATE_LIMIT: "on" });
const SYSTEMS = new Map<string, { system: System; hasCrowd: boolean }>([
  ["lockstock, crowd", { system: OURS, hasCrowd: true }],
  ["lockstock, alone", { system: OURS, hasCrowd: false }],
  ["d1-only, crowd", { system: D1_ONLY, hasCrowd: true }],
  ["d1-only, alone", { system: D1_ONLY, hasCrowd: false }],
]);

/** Each from an address of its own. */
const view = (isOurs: boolean, i: number): Prepared => {
  const base = isOurs ? "/v1/items" : "/items";
  const address = `10.${(i >> 16) % 256}.${(i >> 8) % 256}.${i % 256}`;
  return {
    method: "GET",
    path: i % 3 === 0 ? `${base}/${skuOf(i)}` : base,
    headers: { "CF-Connecting-IP": address },
  };
};

async function list(isOurs: boolean, i: number): Promise<Prepared> {
  if (!isOurs) return { method: "GET", path: `/v1/orders/none-${i}`, headers: {} };
  const headers = { authorization: `Bearer ${await tokenOf(`lists-${i}`)}` };
  return { method: "GET", path: "/v1/orders", headers };
}

const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

/** Four guests, each of whose sockets closes as soon as it is open. */
async function reconnect(base: string, seconds: number): Promise<Map<string, number>> {
  const ends = new Map<string, number>();
  const from_ms = performance.now();
  const elapsed_s = () => (performance.now() - from_ms) / 1_000;
  const url = `${base.replace("http", "ws")}/v1/feed`;
  for (let i = 0; elapsed_s() < seconds; i++) {
    const socket = new WebSocket(url, [
      "lockstock.v1",
      `bearer.${await tokenOf(`guest-${i % 4}`)}`,
    ]);
    const count = (end: string) => ends.set(end, (ends.get(end) ?? 0) + 1);
    socket.addEventListener("message", () => socket.close(1000));
    socket.addEventListener("close", ({ code }) => count(String(code)));
    await sleep(Math.max(0, ((i + 1) / RECONNECTS_PER_S - elapsed_s()) * 1_000));
  }
  return ends;
}

async function crowd(stack: Stack, isOurs: boolean, seconds: number) {
  const options = { seconds, bodyAfter_ms: 0 };
  const views = times(VIEWS_PER_S * seconds, (i) => view(isOurs, i));
  const lists = await Promise.all(times(LISTS_PER_S * seconds, (i) => list(isOurs, i)));
  const [viewed, listed, sockets] = await Promise.all([
    flood(stack.base, views, { ...options, rate: VIEWS_PER_S }),
    flood(stack.base, lists, { ...options, rate: LISTS_PER_S }),
    isOurs ? reconnect(stack.base, seconds) : new Map<string, number>(),
  ]);
  return { views: viewed.outcomes, lists: listed.outcomes, sockets };
}

async function placing(stack: Stack, seconds: number, name: string): Promise<Outcome[]> {
  const lines = times(ORDERS_PER_S * seconds, (i) => [{ sku: skuOf(i), quantity: 1 }]);
  const requests = await orders(lines, { customerOf: (i) => `${name}-${i}` });
  const options = { rate: ORDERS_PER_S, seconds, bodyAfter_ms: 0 };
  return (await flood(stack.base, requests, options)).outcomes;
}

function tally(outcomes: readonly Outcome[]): string {
  const counts = Map.groupBy(outcomes, ({ status }) => status);
  return [...counts].map(([status, { length }]) => `${length} × ${status || "none"}`).join(", ");
}

async function measure(name: string, options: RunOptions): Promise<Metrics> {
  const { system, hasCrowd } = SYSTEMS.get(name) as { system: System; hasCrowd: boolean };
  const isOurs = system === OURS;
  const stackOptions = { ...system.stack, ...(isOurs && METERED) };
  return withStack({ ...system, stack: stackOptions }, async (stack) => {
    await seed(stack, system, new Map(times(ITEMS, (i) => [skuOf(i), UNITS])));
    const run = (seconds: number, who: string) =>
      Promise.all([
        placing(stack, seconds, who),
        hasCrowd ? crowd(stack, isOurs, seconds) : undefined,
      ]);
    await run(WARM_SECONDS, "warm");
    const countsOf = async () =>
      isOurs ? ((await stack.ask(0, "/__meter/counts")) as Counts) : undefined;
    await countsOf();
    const cpu_s = stack.cpu_s();
    const seconds = options.isQuick ? WARM_SECONDS : SECONDS;
    const [placed, seen] = await run(seconds, "buyer");
    const stackCpu_s = stack.cpu_s() - cpu_s;
    const counts = await countsOf();
    await settled(stack, system);
    if (seen) {
      const ends = [...seen.sockets].map(([code, n]) => `${n} × ${code}`).join(", ");
      console.log(
        `  ${name}: views ${tally(seen.views)}; lists ${tally(seen.lists)}` +
          (isOurs ? `; sockets ended ${ends}` : ""),
      );
    }
    if (counts) {
      const per_s = (key: string) => ((counts[key] ?? 0) / seconds).toFixed(1);
      console.log(
        `  ${name}: D1 calls a second: ${per_s("d1.trips http")} of calls, ` +
          `${per_s("d1.trips CustomerFeed")} of feeds, ${per_s("d1.trips OrderDesk")} of desks; ` +
          `rows written by feeds ${counts["d1.rowsWritten CustomerFeed"] ?? 0}`,
      );
    }
    const latency_ms = placed.map(({ took_ms }) => took_ms);
    return {
      ...NO_METRICS,
      accepted_per_s: placed.length / seconds,
      http_p50_ms: percentile(latency_ms, 0.5),
      http_p99_ms: percentile(latency_ms, 0.99),
      failed: placed.filter(({ status }) => ![201, 202].includes(status)).length,
      peakMemory_MB: stack.peakMemory_bytes() / 1e6,
      stackCpu_s,
    };
  });
}

export const crowdScenario: Scenario = {
  name: "crowd",
  about:
    "60 orders/s beside 500 views/s of the catalogue, 20 lists/s and 20 reconnecting sockets/s, and alone",
  systems: [...SYSTEMS.keys()],
  concurrency: 1,
  compares: ["http_p50_ms", "http_p99_ms"],
  measure,
};
