import { setTimeout as sleep } from "node:timers/promises";
import pMap from "p-map";
import { CLOSE } from "../../src/orders/feed/protocol.ts";
import { load, type Prepared } from "../lib/load.ts";
import { orders, tokenOf } from "../lib/orders.ts";
import { Sockets } from "../lib/sockets.ts";
import type { Stack } from "../lib/stack.ts";
import { percentile } from "../lib/stats.ts";
import { QUEUE, variant, withStack } from "../lib/systems.ts";
import { flood } from "./flood.ts";
import { RawFeed } from "./raw-feed.ts";
import { carts, fill, mega, settled, SKUS, skuOf } from "./shop.ts";

/**
 * Sockets that are never read, while orders of their customers change: they are ended, memory stays
 * bounded, and other customers hear of their orders as soon as without them.
 */

/** As many as a customer may have. */
const SOCKETS = 8;
/** Orders a second of all these customers, each with 50 lines: far less than what is sustained. */
const RATE = 25;
/** An order repeats the names of its items, of 600 bytes each, in 50 lines: it has some 35 kB. */
const NAME = "界".repeat(200);
/** Each is pushed twice: more than 256 KB, the snapshot not counted. */
const ORDERS_PER_CUSTOMER = 5;
/** Other customers, who order one line in turn, and when each one orders again. */
const BYSTANDERS = 20;
const PAUSE_MS = 100;
const OPENING = 25;
const WARM_CUSTOMERS = 30;
/** Until what has arrived is read. */
const READ_MS = 2_000;
/** The feed gives up a closed socket after 30 s, of which the end of the phase is over. */
const ENDED_MS = 35_000;
/** Of workerd, whatever is not read. */
const MAX_MEMORY_BYTES = 1_024 * 1_048_576;
/** Times what they need beside sockets that are read. */
const MAX_SLOWDOWN = 1.5;
const SAMPLE_MS = 100;

interface Phase {
  p50_ms: number;
  p99_ms: number;
  peak_bytes: number;
}

export async function runMuteSockets(customers: number): Promise<string[]> {
  const system = variant(QUEUE, "sockets", { RATE_LIMIT: "on" });
  return withStack(system, async (stack) => {
    await fill(stack);
    await load(stack.base, await longNames(), { concurrency: 1 });
    // Each phase has customers of its own, who have no orders before.
    const crowd = (name: string) => Array.from({ length: customers }, (_, i) => `${name}-${i}`);
    const opened = new Sockets();
    const bystanders = Array.from({ length: BYSTANDERS }, (_, i) => `bystander-${i}`);
    await opened.open(stack.base, bystanders);
    await phase(stack, opened, crowd("early").slice(0, WARM_CUSTOMERS), "warm-up");
    const readers = await openAll(stack, crowd("reader"));
    for (const reader of readers) reader.read();
    const read = await phase(stack, opened, crowd("reader"), "sockets that are read");
    for (const reader of readers) reader.destroy();
    await sleep(READ_MS);
    const mute = await openAll(stack, crowd("mute"));
    const unread = await phase(stack, opened, crowd("mute"), "sockets that are not read");
    opened.close();
    const wrong = [...judge(read, unread), ...(await ends(mute, customers))];
    for (const line of wrong) console.log(`VIOLATION ${line}`);
    return wrong;
  });
}

async function longNames(): Promise<Prepared[]> {
  const headers = {
    authorization: `Bearer ${await tokenOf("operator", "operator")}`,
    "content-type": "application/json",
  };
  return Array.from({ length: SKUS }, (_, i) => ({
    method: "PUT",
    path: `/v1/items/${skuOf(i)}`,
    headers,
    body: JSON.stringify({
      name: NAME,
      price: { amount: 1_000, currency: "EUR" },
    }),
  }));
}

/** Orders of the crowd at a fixed rate, and of the bystanders, whose outcomes are timed. */
async function phase(
  stack: Stack,
  opened: Sockets,
  crowd: readonly string[],
  name: string,
): Promise<Phase> {
  const count = crowd.length * ORDERS_PER_CUSTOMER;
  const seconds = count / RATE;
  const requests = await orders(carts(count), {
    hasKeys: false,
    customerOf: (i) => crowd[i % crowd.length] ?? "",
  });
  const bought = Array.from({ length: Math.floor((seconds * 1_000) / (PAUSE_MS * 1.5)) }, () => [
    { sku: skuOf(0), quantity: 1 },
  ]);
  const own = await orders(bought, { customerOf: (i) => `bystander-${i % BYSTANDERS}` });
  const memory = sampled(stack);
  const [crowded, { sentAt_ms, bodies, status }] = await Promise.all([
    flood(stack.base, requests, { rate: RATE, seconds, bodyAfter_ms: 0 }),
    load(stack.base, own, { concurrency: 1, afterAnswer: () => sleep(PAUSE_MS) }),
  ]);
  await settled(stack);
  const taken = crowded.outcomes.filter((one) => one.status === 202).length;
  const times = bodies.flatMap((body, i) => {
    if (status[i] !== 202) return [];
    const { id } = JSON.parse(body) as { id: string };
    return (opened.decidedAt_ms.get(id) ?? Infinity) - (sentAt_ms[i] ?? Number.NaN);
  });
  const result = {
    p50_ms: percentile(times, 0.5),
    p99_ms: percentile(times, 0.99),
    peak_bytes: memory.stop(),
  };
  console.log(
    `${name}: ${taken} of ${count} orders of 50 lines taken; ${times.length} others know their ` +
      `outcome after ${result.p50_ms.toFixed(1)} ms (p50), ${result.p99_ms.toFixed(1)} ms (p99); ` +
      `at most ${mega(result.peak_bytes)} MB`,
  );
  return result;
}

function sampled(stack: Stack): { stop(): number } {
  let peak_bytes = 0;
  const sample = () => {
    peak_bytes = Math.max(peak_bytes, stack.memory_bytes());
  };
  const timer = setInterval(sample, SAMPLE_MS);
  return {
    stop() {
      clearInterval(timer);
      return peak_bytes;
    },
  };
}

async function openAll({ base }: Stack, crowd: readonly string[]): Promise<RawFeed[]> {
  const tokens = await Promise.all(crowd.map((name) => tokenOf(name)));
  const all = Array.from({ length: SOCKETS }, () => tokens).flat();
  return pMap(all, (token) => RawFeed.open(base, token), { concurrency: OPENING });
}

function judge(read: Phase, unread: Phase): string[] {
  const slowdown = unread.p50_ms / read.p50_ms;
  console.log(`  other customers: ${slowdown.toFixed(2)} times (p50)`);
  const wrong: string[] = [];
  if (!(slowdown <= MAX_SLOWDOWN)) wrong.push(`other customers wait ${slowdown.toFixed(2)} times`);
  if (!(unread.peak_bytes <= MAX_MEMORY_BYTES))
    wrong.push(`more than ${mega(MAX_MEMORY_BYTES)} MB`);
  return wrong;
}

/** One of each customer's sockets reads at last, and finds the close; all others are cut off. */
async function ends(mute: readonly RawFeed[], customers: number): Promise<string[]> {
  const late = mute.slice(0, customers);
  for (const feed of late) feed.read();
  await sleep(READ_MS);
  const told = late.filter(({ code }) => code === CLOSE.tryAgainLater).length;
  const cut = late.filter(({ isOver, code }) => isOver && code === 0).length;
  await sleep(ENDED_MS);
  for (const feed of mute.slice(customers)) feed.read();
  await sleep(READ_MS);
  const over = mute.filter(({ isOver }) => isOver).length;
  console.log(
    `  closed with 1013: ${told} of ${late.length}, cut off before: ${cut}; ` +
      `over in the end: ${over} of ${mute.length}`,
  );
  for (const feed of mute) feed.destroy();
  return [
    ...(told + cut === late.length ? [] : ["sockets are not closed with 1013"]),
    ...(over === mute.length ? [] : [`${mute.length - over} connections are left open`]),
  ];
}
