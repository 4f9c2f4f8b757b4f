/**
 * Disasters on the real stack: under load, its database is put back to an earlier state, an item's
 * storage is put back, or is gone. Follows the runbook, and checks that nobody's confirmed or paid
 * order is gone and that units add up: see USAGE. Exits with 1 on any violation.
 */
import { randomInt } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { settled } from "./crash/check.ts";
import { Journal } from "./crash/journal.ts";
import { type Load, run } from "./crash/load.ts";
import { Stack } from "./crash/stack.ts";
import { checkItem, checkOrders, repeatTold, told } from "./drill/check.ts";
import { databaseFile, itemFile, keep, putBack, remove } from "./drill/files.ts";
import { type Ask, asker, read } from "./lib/api-client.ts";
import { readOptions } from "./lib/options.ts";
import { compare, type Difference, noticed, post, recover } from "./lib/procedure.ts";
import { Random } from "./lib/random.ts";
import { signToken } from "./lib/token.ts";

const KINDS = ["database", "item-back", "item-gone"] as const;
type Kind = (typeof KINDS)[number];
const USAGE = `usage: npm run drill [-- --rounds N] [--only ${KINDS.join("|")}] [--seed S]`;

const ITEMS = { "DRILL-PLENTY": 2_000, "DRILL-SCARCE": 80, "DRILL-OTHER": 500 };
const SKUS = Object.keys(ITEMS);
/** The item that is lost. */
const LOST = "DRILL-PLENTY";
const LOAD_MS = 4_000;
const MAX_REPAIRS = 6;
const REPAIR_MS = 3_000;

const chosen = readOptions(USAGE, {
  rounds: 1,
  seed: randomInt(1, 1_000_000_000),
  customers: 8,
  only: "",
});

async function receive(operator: Ask, sku: string, delta: number, reason: string): Promise<void> {
  const headers = { "idempotency-key": `${reason}-${sku}`.replaceAll(" ", "-") };
  const options: object = { body: { delta, reason }, headers };
  const { status } = await operator("POST", `/v1/items/${sku}/stock`, options);
  if (status !== 200) throw new Error(`stock of ${sku}: ${status}`);
}

async function prepare(base: string): Promise<Load> {
  const operator = asker(base, await signToken("drill-operator", "operator"));
  const journal = new Journal();
  for (const [sku, delta] of Object.entries(ITEMS)) {
    const price = { amount: 1_000, currency: "EUR" };
    await operator("PUT", `/v1/items/${sku}`, { body: { name: sku, price } });
    await receive(operator, sku, delta, "first delivery");
  }
  const customers = await Promise.all(
    Array.from({ length: chosen.customers }, async (_, i) => {
      const id = `drill-customer-${i}`;
      return { id, ask: asker(base, await signToken(id)) };
    }),
  );
  const random = new Random(chosen.seed, "drill");
  return { operator, customers, skus: SKUS, journal, random };
}

/** Orders, payments and cancellations; whoever repeats a call ends it first. */
async function load(all: Load): Promise<void> {
  let isOver = false;
  const running = run(all, () => isOver);
  await sleep(LOAD_MS);
  isOver = true;
  await running;
}

/** The stack as it is after the load, then a disaster between two starts. */
async function between(stack: Stack, work: () => void): Promise<void> {
  await stack.stop();
  work();
  await stack.start("both");
}

async function drillDatabase(stack: Stack, state: string, all: Load): Promise<string> {
  const { operator, journal } = all;
  const kept = join(state, "kept-database");
  await load(all);
  await between(stack, () => keep(databaseFile(state), kept));
  await load(all);
  const before = told(journal);
  await between(stack, () => putBack(databaseFile(state), kept));
  const [probe] = all.customers;
  const body = { lines: [{ sku: LOST, quantity: 1 }] };
  const answer = await probe?.ask<{ code?: string }>("POST", "/v1/orders", { body });
  if (answer?.body.code !== "frozen") journal.violation(`not frozen: ${answer?.status}`);
  const noticed_ms = await noticed(operator, "a restored database", ({ frozen }) => {
    return frozen?.reason === "database_put_back";
  });
  const would = await recover(operator, false);
  const { orders, unrecoverable } = await recover(operator, true);
  if (would.orders.length !== orders.length) journal.violation("it told something else");
  await post(operator, "/v1/operations/thaw");
  const again = await repeatTold(operator, journal);
  const lost = await finish(all, before);
  return (
    `frozen by itself after ${noticed_ms} ms; ${orders.length} orders recovered, ` +
    `${unrecoverable.length} not; made again by the shop: ${again.pay} payments, ` +
    `${again.cancel} cancellations; ${lost} orders lost that nobody had answered`
  );
}

async function drillItem(stack: Stack, state: string, all: Load, isGone: boolean): Promise<string> {
  const { operator, journal } = all;
  const kept = join(state, "kept-item");
  await load(all);
  await between(stack, () => keep(itemFile(state, LOST), kept));
  await load(all);
  await settled(operator, journal);
  // The database has the level of a delivery at once. It may not have that of the last orders when the
  // stack is stopped, since an item tells it once in a second, and a local queue does not outlive a stop.
  await receive(operator, LOST, 1, "second delivery");
  const { received } = await read<{ received: number }>(operator, `/v1/items/${LOST}/stock`);
  await between(stack, () => {
    const file = itemFile(state, LOST);
    if (isGone) remove(file);
    else putBack(file, kept);
  });
  await load(all);
  const noticed_ms = await noticed(operator, "a lost item", ({ alerts }) => {
    return alerts.some(({ code }) => code === "item_put_back");
  });
  await untilPaused(all);
  const before = told(journal);
  // What the shelf says: all that was delivered.
  const now = await read<{ received: number }>(operator, `/v1/items/${LOST}/stock`);
  const delta = received - now.received;
  if (delta !== 0) await receive(operator, LOST, delta, "counted");
  const repaired = await repairAll(operator, journal);
  await post(operator, `/v1/items/${LOST}/resume`);
  await finish(all, before);
  const units = repaired.filter((one) => one.repaired).length;
  return `noticed by itself after ${noticed_ms} ms; ${repaired.length} differences, ${units} repaired`;
}

/** Repairs until nothing differs: what is under way at the first comparison may differ after it. */
async function repairAll(operator: Ask, journal: Journal): Promise<Difference[]> {
  const all: Difference[] = [];
  for (let tries = 0; tries < MAX_REPAIRS; tries++) {
    const found = await compare(operator, true);
    if (found.length === 0) break;
    all.push(...found);
    await sleep(REPAIR_MS);
  }
  await settled(operator, journal);
  const left = await compare(operator, false);
  for (const one of left) journal.violation(`after the repair: ${JSON.stringify(one)}`);
  return all;
}

async function untilPaused({ operator }: Load): Promise<void> {
  for (let waits = 0; waits < 180; waits++) {
    const { paused } = await read<{ paused: boolean }>(operator, `/v1/items/${LOST}/stock`);
    if (paused) return;
    await sleep(500);
  }
  throw new Error("the item was not paused");
}

/** Goes on selling, and checks everything. Answers how many orders nobody can know of. */
async function finish(all: Load, before: ReadonlyMap<string, string>): Promise<number> {
  await load(all);
  await settled(all.operator, all.journal);
  // What was told since may be told by a later step.
  const now = told(all.journal);
  const kept = new Map([...before].map(([id, status]) => [id, now.get(id) ?? status]));
  const { orders, lost } = await checkOrders(all, kept);
  for (const sku of SKUS) await checkItem(all, sku, orders);
  const left = await compare(all.operator, false);
  for (const one of left) all.journal.violation(`at the end: ${JSON.stringify(one)}`);
  return lost;
}

interface Site {
  kind: Kind;
  state: string;
  stack: Stack;
}

async function round({ kind, state, stack }: Site): Promise<string[]> {
  const from_ms = Date.now();
  try {
    await stack.start("both");
    const all = await prepare(stack.base);
    const said =
      kind === "database"
        ? await drillDatabase(stack, state, all)
        : await drillItem(stack, state, all, kind === "item-gone");
    const { operations, violations } = all.journal;
    const seconds = ((Date.now() - from_ms) / 1_000).toFixed(0);
    console.log(`${kind}: ${operations} operations answered; ${said}; ${seconds} s`);
    return violations;
  } catch (error) {
    console.log(stack.lines.slice(-50).join("\n"));
    return [error instanceof Error ? (error.stack ?? error.message) : String(error)];
  } finally {
    await stack.stop();
    await rm(state, { recursive: true, force: true, maxRetries: 5 });
  }
}

const kinds = KINDS.filter((kind) => chosen.only === "" || chosen.only === kind);
if (kinds.length === 0) throw new Error(USAGE);
console.log(`seed ${chosen.seed}, rounds ${chosen.rounds}`);
let count = 0;
for (let i = 0; i < chosen.rounds; i++) {
  // At once: each waits for most of its time, and has a stack of its own.
  const sites: Site[] = [];
  for (const kind of kinds) {
    const state = await mkdtemp(join(tmpdir(), "lockstock-drill-"));
    // One after the other, so that no two get the same ports.
    sites.push({ kind, state, stack: await Stack.on(state) });
  }
  const found = await Promise.all(
    sites.map(async (site) => ({ kind: site.kind, violations: await round(site) })),
  );
  for (const { kind, violations } of found) {
    count += violations.length;
    for (const one of violations.slice(0, 20)) console.log(`VIOLATION ${kind}: ${one}`);
  }
}
console.log(`${chosen.rounds * kinds.length} disasters, ${count} violations`);
process.exit(count > 0 ? 1 : 0);
