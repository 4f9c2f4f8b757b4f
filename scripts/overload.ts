/**
 * Finds out how many orders a second the stack sustains on this machine, sends it several times as
 * many, and checks that it sheds load, keeps its memory bounded and settles what it has accepted.
 * See USAGE. Exits with 1 when one of these does not hold.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { Operations } from "../src/orders/operations/operations.sql.ts";
import type { OrderView } from "../src/orders/order.ts";
import { type Ask, asker, read, readAll } from "./crash/client.ts";
import { Stack } from "./crash/stack.ts";
import { signToken } from "./lib/token.ts";

const USAGE = "usage: npm run overload -- [--seconds N] [--times N]";

const SKU = "OVERLOAD";
/** Who make the sustained load, each well below what a customer may. */
const CUSTOMERS = 400;
/** Who make the flood. */
const GREEDY = 10;
/** At once while the sustained rate is measured: enough to fill the group commit's batches. */
const SUSTAINED_AT_ONCE = 32;
/**
 * Calls this client keeps open at most. The proxy of a local run takes every connection, spends
 * several file descriptors on each and ends when it has none left: that is not what this measures.
 */
const OPEN_CALLS = 1_000;
const CALL_TIMEOUT_MS = 60_000;
const TICK_MS = 20;
const SETTLE_MS = 150_000;
/** What a second flood may add to the memory that the first has taken. */
const MAX_GROWTH = 1.5;
const mega = (bytes: number) => Math.round(bytes / 1_048_576);

interface Outcome {
  status: number;
  retryAfter: string | undefined;
  id: string | undefined;
  took_ms: number;
}

const agent = new Agent({ keepAlive: true, maxSockets: OPEN_CALLS });

function place(base: string, token: string): Promise<Outcome> {
  const from_ms = performance.now();
  const body = JSON.stringify({ lines: [{ sku: SKU, quantity: 1 }] });
  return new Promise((done) => {
    const end = (status: number, retryAfter?: string, text = "{}") => {
      const id: string | undefined = status === 202 ? JSON.parse(text).id : undefined;
      done({ status, retryAfter, id, took_ms: performance.now() - from_ms });
    };
    const headers = {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
    };
    const call = request(`${base}/v1/orders`, { method: "POST", agent, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", () => end(0));
      response.on("end", () =>
        end(
          response.statusCode ?? 0,
          response.headers["retry-after"],
          Buffer.concat(chunks).toString(),
        ),
      );
    });
    call.setTimeout(CALL_TIMEOUT_MS, () => call.destroy());
    call.on("error", () => end(0));
    call.end(body);
  });
}

/** Orders accepted a second when each caller waits for its answer before the next call. */
async function sustained(base: string, tokens: string[], seconds: number): Promise<number> {
  const until_ms = Date.now() + seconds * 1_000;
  let accepted = 0;
  const caller = async (i: number) => {
    while (Date.now() < until_ms) {
      const { status } = await place(base, tokens[i % tokens.length] ?? "");
      if (status === 202) accepted++;
    }
  };
  await Promise.all(Array.from({ length: SUSTAINED_AT_ONCE }, (_, i) => caller(i)));
  return accepted / seconds;
}

/** Calls at a fixed rate, whatever comes back. */
async function flood(base: string, tokens: string[], rate: number, seconds: number) {
  const outcomes: Outcome[] = [];
  const calls: Promise<unknown>[] = [];
  const from_ms = performance.now();
  let open = 0;
  let sent = 0;
  for (;;) {
    const elapsed_ms = performance.now() - from_ms;
    if (elapsed_ms > seconds * 1_000) break;
    const due = Math.floor((elapsed_ms / 1_000) * rate);
    for (; sent < due && open < OPEN_CALLS; sent++) {
      open++;
      const token = tokens[sent % tokens.length] ?? "";
      calls.push(
        place(base, token).then((outcome) => {
          open--;
          outcomes.push(outcome);
        }),
      );
    }
    await sleep(TICK_MS);
  }
  const offered = sent / ((performance.now() - from_ms) / 1_000);
  await Promise.all(calls);
  return { outcomes, offered };
}

async function settled(operator: Ask): Promise<number> {
  const from_ms = Date.now();
  for (;;) {
    // A stack that is still busy may not answer at once.
    const now = await read<Operations>(operator, "/v1/operations").catch(() => undefined);
    const waited_ms = Date.now() - from_ms;
    if (now?.unsettled.count === 0 || waited_ms > SETTLE_MS) return waited_ms;
    await sleep(500);
  }
}

function tally(outcomes: readonly Outcome[]): string {
  const counts = new Map<number, number>();
  for (const { status } of outcomes) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].map(([status, n]) => `${n} × ${status || "no answer"}`).join(", ");
}

function percentile(outcomes: readonly Outcome[], share: number): number {
  const sorted = outcomes.map(({ took_ms }) => took_ms).toSorted((a, b) => a - b);
  return Math.round(sorted[Math.floor(sorted.length * share)] ?? 0);
}

/** The most memory that the runtimes had meanwhile. */
async function watched<T>(stack: Stack, work: () => Promise<T>) {
  let peak = 0;
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      peak = Math.max(peak, await stack.memory());
      await sleep(500);
    }
  })();
  const result = await work();
  isOver = true;
  await watching;
  return { result, peak };
}

async function main(stack: Stack, seconds: number, times: number): Promise<string[]> {
  await stack.start("both");
  const operator = asker(stack.base, await signToken("overload-operator", "operator"));
  const price = { amount: 100, currency: "EUR" };
  await operator("PUT", `/v1/items/${SKU}`, { body: { name: SKU, price } });
  const headers = { "idempotency-key": "units" };
  const body = { delta: 10_000_000, reason: "overload" };
  await operator("POST", `/v1/items/${SKU}/stock`, { body, headers });
  const ids = Array.from({ length: CUSTOMERS + GREEDY }, (_, i) => `overload-${i}`);
  const all = await Promise.all(ids.map((id) => signToken(id)));
  const [tokens, greedy] = [all.slice(0, CUSTOMERS), all.slice(CUSTOMERS)];

  await sustained(stack.base, tokens, 2); // warm
  const rate = await sustained(stack.base, tokens, seconds);
  const normal = await stack.memory();
  console.log(`sustained: ${rate.toFixed(0)} orders/s, runtimes ${mega(normal)} MB`);

  const first = await watched(stack, () => flood(stack.base, greedy, rate * times, seconds));
  // What an overload leaves behind would add up.
  const second = await watched(stack, () => flood(stack.base, greedy, rate * times, seconds));
  const outcomes = [...first.result.outcomes, ...second.result.outcomes];
  const { offered } = first.result;
  const accepted = outcomes.filter(({ status }) => status === 202);
  const shed = outcomes.filter(({ status }) => status === 429 || status === 503);
  console.log(
    `offered: ${offered.toFixed(0)} orders/s for twice ${seconds} s; ${tally(outcomes)}; ` +
      `p99 of accepted ${percentile(accepted, 0.99)} ms, of shed ${percentile(shed, 0.99)} ms`,
  );
  const waited_ms = await settled(operator);
  console.log(
    `runtimes at most ${mega(first.peak)} MB in the first flood, ${mega(second.peak)} MB in the ` +
      `second; settled after ${(waited_ms / 1_000).toFixed(1)} s`,
  );

  const wrong: string[] = [];
  if (waited_ms > SETTLE_MS) wrong.push("not settled in time");
  if (second.peak > first.peak * MAX_GROWTH) wrong.push("a second flood takes more memory");
  if (shed.length === 0) wrong.push("nothing was shed: this was no overload");
  const mute = shed.filter(({ retryAfter }) => !Number(retryAfter)).length;
  if (mute > 0) wrong.push(`${mute} without Retry-After`);
  const odd = outcomes.length - accepted.length - shed.length;
  if (odd > 0) wrong.push(`${odd} answers that are neither 202, 429 nor 503`);
  const orders = new Map<string, OrderView>();
  for (const token of all) {
    const own = await readAll<OrderView>(asker(stack.base, token), "/v1/orders", "orders");
    for (const order of own) orders.set(order.id, order);
  }
  const lost = accepted.filter(({ id }) => !orders.has(id ?? "")).length;
  if (lost > 0) wrong.push(`${lost} accepted orders do not exist`);
  const open = [...orders.values()].filter(({ status }) => status !== "confirmed").length;
  if (open > 0) wrong.push(`${open} orders are not confirmed`);
  console.log(`orders: ${orders.size}, all confirmed: ${open === 0}, lost: ${lost}`);
  return wrong;
}

const { values } = parseArgs({
  options: { seconds: { type: "string" }, times: { type: "string" } },
});
const seconds = Number(values.seconds ?? 10);
const times = Number(values.times ?? 4);
if (!(seconds > 0) || !(times > 0)) {
  console.error(USAGE);
  process.exit(2);
}
const state = await mkdtemp(join(tmpdir(), "lockstock-overload-"));
const stack = await Stack.on(state, { RATE_LIMIT: "on" });
let wrong: string[];
try {
  wrong = await main(stack, seconds, times);
} finally {
  await stack.stop();
  await rm(state, { recursive: true, force: true, maxRetries: 5 });
}
for (const one of wrong) console.log(`VIOLATION ${one}`);
process.exit(wrong.length > 0 ? 1 : 0);
