/**
 * Kills the real stack under load, again and again, and checks by its API that nothing that was
 * promised is lost: see USAGE. Exits with 1 on any violation.
 */
import { randomInt } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { check, settled } from "./crash/check.ts";
import { Journal } from "./crash/journal.ts";
import { Listener } from "./crash/listener.ts";
import { type Customer, type Load, run } from "./crash/load.ts";
import { Shop } from "./crash/shop.ts";
import { type Layout, Stack } from "./crash/stack.ts";
import { asker } from "./lib/api-client.ts";
import { readOptions } from "./lib/options.ts";
import { Random } from "./lib/random.ts";
import { signToken } from "./lib/token.ts";

const USAGE = "usage: npm run crash -- [--rounds N] [--seed S] [--customers N]";

/** What a round does to the stack, and the layout that it needs. */
const KILLS = {
  runtime: "both",
  everything: "both",
  starting: "both",
  stock: "split",
} as const satisfies Record<string, Layout>;
type Kill = keyof typeof KILLS;

const SKUS = ["CRASH-PLENTY", "CRASH-SCARCE", "CRASH-LAST", "CRASH-LIMITED"];
const UNITS = [2_000, 60, 5, 400];
const LIMIT = 6;
/** Under load before the kill, at least and at most. */
const BEFORE_MS = [300, 3_000] as const;
/** Of a start, until it is killed as well: a start takes some four seconds. */
const STARTING_MS = [200, 5_000] as const;
/** And after it is back: what was lost is met by what is new. */
const AFTER_MS = 500;

const chosen = readOptions(USAGE, {
  rounds: 3,
  seed: randomInt(1, 1_000_000_000),
  customers: 8,
});

/** Every kind of kill comes up equally often, in any order. */
function plan(rounds: number, random: Random): Kill[] {
  const kills: Kill[] = [];
  while (kills.length < rounds) kills.push(...random.shuffle(Object.keys(KILLS) as Kill[]));
  return kills.slice(0, rounds);
}

async function prepare(base: string, customers: number, random: Random): Promise<Load> {
  const operator = asker(base, await signToken("crash-operator", "operator"));
  const journal = new Journal();
  for (const [i, sku] of SKUS.entries()) {
    const price = { amount: 1_000 + i, currency: "EUR" };
    const limit = sku === "CRASH-LIMITED" ? { limitPerCustomer: LIMIT } : {};
    await operator("PUT", `/v1/items/${sku}`, { body: { name: sku, price, ...limit } });
    const headers = { "idempotency-key": `first-${sku}` };
    const delta = UNITS[i] ?? 0;
    const body = { delta, reason: "first delivery" };
    const { status } = await operator("POST", `/v1/items/${sku}/stock`, { body, headers });
    if (status !== 200) throw new Error(`stock of ${sku}: ${status}`);
    journal.adjusted.set(sku, delta);
  }
  const people: Customer[] = [];
  for (let i = 1; i <= customers; i++) {
    const id = `crash-customer-${i}`;
    people.push({ id, ask: asker(base, await signToken(id)) });
  }
  return { operator, customers: people, skus: SKUS, journal, random };
}

/** One kill under load; answers how long the API was away. */
async function round(
  stack: Stack,
  load: Load,
  kill: Kill,
): Promise<{ after: number; away: number }> {
  let isOver = false;
  const running = run(load, () => isOver);
  const after = load.random.int(...BEFORE_MS);
  await sleep(after);
  const killed_ms = Date.now();
  if (kill === "runtime") await stack.killRuntime();
  else await stack.killAll(kill === "stock" ? "stock" : undefined);
  if (kill === "starting") await stack.killStarting(load.random.int(...STARTING_MS));
  if (kill !== "runtime") await stack.restart();
  else await stack.healthy();
  const away = Date.now() - killed_ms;
  await sleep(AFTER_MS);
  isOver = true;
  await running;
  return { after, away };
}

async function main(stack: Stack, { rounds, seed, customers }: typeof chosen) {
  const random = new Random(seed, "crash");
  const kills = plan(rounds, random);
  await stack.start(KILLS[kills[0] ?? "runtime"]);
  const load = await prepare(stack.base, customers, random);
  const { journal } = load;
  const listeners = new Map<string, Listener>();
  for (const { id } of load.customers) {
    listeners.set(id, new Listener(stack.base, await signToken(id), journal));
  }

  const shop = new Shop(load.operator, journal);
  await shop.open();

  for (const [i, kill] of kills.entries()) {
    if (stack.layout !== KILLS[kill]) {
      await stack.stop();
      await stack.start(KILLS[kill]);
    }
    const before = journal.operations;
    const { after, away } = await round(stack, load, kill);
    const done = journal.operations - before;
    console.log(
      `round ${i + 1}: ${kill} killed after ${after} ms, back in ${away} ms; ` +
        `${done} operations answered, ${journal.violations.length} violations`,
    );
  }

  const settled_ms = await settled(load.operator, journal);
  const { orders, deadLetters } = await check(load, listeners);
  await shop.check(orders);
  shop.close();
  const opened = [...listeners.values()].reduce((sum, { sockets }) => sum + sockets, 0);
  for (const listener of listeners.values()) listener.end();
  const kinds = [...journal.answered].map(([kind, n]) => `${n} ${kind}`).join(", ");
  console.log(`operations answered: ${journal.operations} (${kinds})`);
  console.log(
    `calls without an answer or with 5xx: ${journal.failures}; sockets opened: ${opened}; ` +
      `orders: ${orders.length}, settled ${(settled_ms / 1_000).toFixed(1)} s after the last ` +
      `round; dead letters: ${deadLetters}; events posted again: ${shop.repeated}`,
  );
  return journal.violations;
}

console.log(`seed ${chosen.seed}, rounds ${chosen.rounds}, customers ${chosen.customers}`);
const from_ms = Date.now();
const state = await mkdtemp(join(tmpdir(), "lockstock-crash-"));
const stack = await Stack.on(state);
let violations: string[] = [];
try {
  violations = await main(stack, chosen);
} catch (error) {
  violations = [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  console.log(stack.lines.slice(-50).join("\n"));
} finally {
  await stack.stop();
  await rm(state, { recursive: true, force: true, maxRetries: 5 });
}
for (const violation of violations.slice(0, 50)) console.log(`VIOLATION ${violation}`);
const seconds = ((Date.now() - from_ms) / 1_000).toFixed(0);
console.log(`${chosen.rounds} rounds in ${seconds} s, ${violations.length} violations`);
process.exit(violations.length > 0 ? 1 : 0);
