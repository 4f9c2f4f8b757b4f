/**
 * Finds out how many orders a second the stack accepts and settles on this machine, offers it
 * several times as many, and checks that it sheds the rest, keeps its memory bounded and settles
 * what it has accepted. See USAGE. Exits with 1 when one of these does not hold.
 */
import process from "node:process";
import { readOptions } from "../scripts/lib/options.ts";
import { load } from "./lib/load.ts";
import { orders } from "./lib/orders.ts";
import type { Stack } from "./lib/stack.ts";
import { percentile } from "./lib/stats.ts";
import { QUEUE, variant, withStack } from "./lib/systems.ts";
import { type Flood, flood, type Outcome } from "./overload/flood.ts";
import { runMuteSockets } from "./overload/mute-sockets.ts";
import { carts, fill, mega, SETTLE_MS, settled } from "./overload/shop.ts";

const USAGE = `usage: npm run overload -- [--part limited|crowded|sockets] [--seconds N] [--times N] [--customers N]

--seconds, --times: of each flood of orders; --customers: those with sockets that are never read`;
/** What stops a flood: the customers' own limit, or the crowd that an isolate takes. */
const PARTS = {
  limited: { vars: { RATE_LIMIT: "on" }, customers: 10, sheds: 429, areSlow: false },
  // The Worker has a call of slow callers from its headers on, and its body only after the flood.
  crowded: { vars: { RATE_LIMIT: "off" }, customers: 1_000, sheds: 503, areSlow: true },
} as const;

/** Orders of the sustained load, and of what warms up; enough callers to fill the desk's batches. */
const SUSTAINED = 1_000;
const WARM = 500;
/** Of the same callers at the sustained rate, before they flood. */
const WARM_SECONDS = 3;
const CONCURRENCY = 64;
/** Of one process with both Workers, D1, all objects and queues, and every connection. */
const MAX_MEMORY_BYTES = 1_536 * 1_048_576;
/** A slow body comes so long after the flood has ended; 15 s are too late for the Worker. */
const BODY_LAG_MS = 500;
const FLOODS = 2;
/** Of the first flood's peak, after the second: what a flood leaves behind would add up. */
const MAX_GROWTH = 1.4;
/** Of what was asked for has really to be sent. */
const MIN_OFFERED = 0.95;
/** One order each by so many customers, none of whom comes near a limit. */
async function place(stack: Stack, count: number, name: string): Promise<number> {
  const lines = carts(count);
  const requests = await orders(lines, { customerOf: (i) => `${name}-${i}` });
  const { status, took_s } = await load(stack.base, requests, { concurrency: CONCURRENCY });
  const odd = status.find((one) => one !== 202);
  if (odd !== undefined) throw new Error(`a sustained load is answered with ${odd}`);
  return took_s;
}

function tally(outcomes: readonly Outcome[]): string {
  const counts = new Map<number, number>();
  for (const { status } of outcomes) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].map(([status, n]) => `${n} × ${status || "no answer"}`).join(", ");
}

const p99_ms = (outcomes: readonly Outcome[]): number =>
  Math.round(
    percentile(
      outcomes.map(({ took_ms }) => took_ms),
      0.99,
    ),
  );

interface Wave extends Flood {
  asked: number;
  /** Of workerd, since it started. */
  peak_bytes: number;
  settled_s: number;
}

async function run(name: keyof typeof PARTS, seconds: number, times: number): Promise<string[]> {
  const { vars, customers, sheds, areSlow } = PARTS[name];
  return withStack(variant(QUEUE, name, vars), async (stack) => {
    await fill(stack);
    await place(stack, WARM, "warm");
    await settled(stack);
    const took_s = await place(stack, SUSTAINED, "sustained");
    const rate = SUSTAINED / (took_s + (await settled(stack)));
    const before = mega(stack.peakMemory_bytes());
    console.log(`${name}: ${rate.toFixed(0)} orders/s accepted and settled, at most ${before} MB`);

    const requests = await orders(carts(customers), {
      hasKeys: false,
      customerOf: (i) => `greedy-${i}`,
    });
    const mild = { rate, seconds: WARM_SECONDS, bodyAfter_ms: 0 };
    const { outcomes: warm } = await flood(stack.base, requests, mild);
    const waves: Wave[] = [];
    for (let i = 0; i < FLOODS; i++) {
      const bodyAfter_ms = areSlow ? seconds * 1_000 + BODY_LAG_MS : 0;
      const options = { rate: rate * times, seconds, bodyAfter_ms };
      const flooded = await flood(stack.base, requests, options);
      const settled_s = await settled(stack);
      const peak_bytes = stack.peakMemory_bytes();
      const wave = { ...flooded, asked: rate * times, peak_bytes, settled_s };
      report(wave, rate);
      waves.push(wave);
    }
    const wrong = [
      ...judge(waves, sheds),
      ...(await missing(stack, [warm, ...waves.map(({ outcomes }) => outcomes)])),
    ];
    for (const line of wrong) console.log(`VIOLATION ${line}`);
    return wrong;
  });
}

function report({ outcomes, offered, open, peak_bytes, settled_s }: Wave, rate: number): void {
  const accepted = outcomes.filter(({ status }) => status === 202);
  const shed = outcomes.filter(({ status }) => status !== 202);
  console.log(
    `  ${offered.toFixed(0)}/s offered, ${(offered / rate).toFixed(1)} times that, ${open} at once: ` +
      `${tally(outcomes)}; p99 ${p99_ms(accepted)} ms accepted, ${p99_ms(shed)} ms shed; ` +
      `settled ${settled_s.toFixed(1)} s after; at most ${mega(peak_bytes)} MB`,
  );
}

function judge(waves: readonly Wave[], sheds: number): string[] {
  const wrong: string[] = [];
  for (const { outcomes, offered, asked, settled_s } of waves) {
    if (offered < asked * MIN_OFFERED) wrong.push("less was offered than asked for");
    if (settled_s * 1_000 > SETTLE_MS) wrong.push("not settled in time");
    const accepted = outcomes.filter(({ status }) => status === 202);
    const shed = outcomes.filter(({ status }) => status === sheds);
    if (shed.length === 0) wrong.push(`nothing was shed with ${sheds}`);
    const mute = shed.filter(({ hasRetryAfter }) => !hasRetryAfter).length;
    if (mute > 0) wrong.push(`${mute} without Retry-After`);
    const odd = outcomes.length - accepted.length - shed.length;
    if (odd > 0) wrong.push(`${odd} answers that are neither 202 nor ${sheds}`);
  }
  const [first, second] = waves.map(({ peak_bytes }) => peak_bytes);
  if (!(Number(first) > 0)) wrong.push("memory cannot be read here");
  if (Number(second) > MAX_MEMORY_BYTES) wrong.push(`more than ${mega(MAX_MEMORY_BYTES)} MB`);
  if (Number(second) > Number(first) * MAX_GROWTH) wrong.push("a second flood takes more memory");
  return wrong;
}

/** What was accepted has to be there and confirmed, whoever was refused beside it. */
async function missing(stack: Stack, outcomes: readonly Outcome[][]): Promise<string[]> {
  const rows = await stack.read<{ id: string; status: string }>("SELECT id, status FROM orders");
  const statuses = new Map(rows.map(({ id, status }) => [id, status]));
  const accepted = outcomes.flat().flatMap(({ id }) => id ?? []);
  const confirmed = accepted.filter((id) => statuses.get(id) === "confirmed").length;
  const expected = WARM + SUSTAINED + accepted.length;
  console.log(`  accepted ${accepted.length}, confirmed of these ${confirmed}`);
  return [
    ...(confirmed < accepted.length ? [`${accepted.length - confirmed} are not confirmed`] : []),
    ...(rows.length === expected ? [] : [`${rows.length} orders exist, ${expected} were accepted`]),
  ];
}

const { part, seconds, times, customers } = readOptions(USAGE, {
  part: "all",
  seconds: [6, 10],
  times: 4,
  customers: [160, 400],
});
const isAsked = (name: string): boolean => part === "all" || part === name;
const names = (Object.keys(PARTS) as (keyof typeof PARTS)[]).filter(isAsked);
if (names.length === 0 && !isAsked("sockets")) {
  console.error(`there is no part ${part}\n\n${USAGE}`);
  process.exit(2);
}
let violations = 0;
for (const name of names) violations += (await run(name, seconds, times)).length;
if (isAsked("sockets")) violations += (await runMuteSockets(customers)).length;
console.log(`violations ${violations}`);
process.exit(violations > 0 ? 1 : 0);
