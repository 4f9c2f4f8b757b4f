/** `npm run growth`: whether calls become dearer with what is stored. See USAGE. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { readOptions } from "../scripts/lib/options.ts";
import { ROOT } from "../scripts/lib/project.ts";
import { type Counts, LOCKSTOCK } from "./cost/count.ts";
import { type Call, callsWith, CUSTOMER, place, SKU } from "./growth/calls.ts";
import { CATALOGUE_CALLS, fillCatalogue, wholeCatalogue } from "./growth/catalogue.ts";
import { CUSTOMERS, fill, type Tables } from "./growth/fill.ts";
import { table } from "./lib/markdown.ts";
import { seed } from "./lib/measure.ts";
import { settled } from "./lib/observe.ts";
import type { Stack } from "./lib/stack.ts";
import { median } from "./lib/stats.ts";
import { withStack } from "./lib/systems.ts";

/** Enough that every page and part is full. */
const FEW_ITEMS = 1_500;

const USAGE = `usage: npm run growth [-- --orders N --locks N --rounds N | --items N --rounds N]

  --orders N  in D1; default 100000
  --locks N   in one item; default 100000
  --items N   instead: the calls that read the catalogue, with ${FEW_ITEMS} items and with N
  --rounds N  default 60

Runs two stacks side by side, one nearly empty, one with these orders and locks; every call goes to
both in turn. Exits with 1 when one takes more than 1.3 times as many rows, or as long, on the full
one.`;

const { orders, locks, items, rounds } = readOptions(USAGE, {
  orders: 100_000,
  locks: 100_000,
  items: 0,
  rounds: 60,
});
/** Both have these before anything is measured: a list has its page, a comparison its 100 orders. */
const BEFORE = 150;
const LIMIT = 1.3;
/** Within a round both are the same work, so a difference this small is the clock's. */
const ROWS_FREE = 2;

interface Seen {
  name: string;
  took_ms: number[];
  rows: number[];
}

const tablesOf = (stack: Stack): Tables => ({
  d1: (sql) => stack.read(sql),
  item: (sql) =>
    stack.ask(1, `/__meter/fill?binding=ITEM&name=${SKU}&sql=${encodeURIComponent(sql)}`),
});

async function ready(stack: Stack): Promise<string> {
  await seed(stack, LOCKSTOCK, new Map([[SKU, 10_000]]));
  let answer = "";
  for (let i = 0; i < BEFORE; i++) answer = await place(stack, "wait=10");
  return (JSON.parse(answer) as { id: string }).id;
}

async function rowsRead(stack: Stack): Promise<number> {
  let rows = 0;
  for (const config of LOCKSTOCK.stack.configs.keys()) {
    const counts = (await stack.ask(config, "/__meter/counts")) as Counts;
    for (const [name, n] of Object.entries(counts)) if (/rowsRead/.test(name)) rows += n;
  }
  return rows;
}

async function measure(stack: Stack, { prepare, run }: Call, seen: Seen): Promise<void> {
  await prepare?.(stack);
  await rowsRead(stack);
  const start_ms = performance.now();
  await run(stack);
  seen.took_ms.push(performance.now() - start_ms);
  await settled(stack, LOCKSTOCK);
  seen.rows.push(await rowsRead(stack));
}

/** In every round each call goes to both stacks, the one that goes first in turn. */
async function compare(stacks: Stack[], calls: Call[][]): Promise<Seen[][]> {
  const seen = calls.map((own) => own.map(({ name }): Seen => ({ name, took_ms: [], rows: [] })));
  for (let round = 0; round < rounds; round++) {
    for (const [c] of (calls[0] ?? []).entries()) {
      for (const i of round % 2 === 0 ? [0, 1] : [1, 0]) {
        const [stack, call, into] = [stacks[i], calls[i]?.[c], seen[i]?.[c]];
        if (stack && call && into) await measure(stack, call, into);
      }
    }
  }
  return seen;
}

async function growOrders(empty: Stack, full: Stack): Promise<void> {
  const emptyId = await ready(empty);
  const fullId = await ready(full);
  const start_ms = performance.now();
  await fill(tablesOf(full), { orders, locks, sku: SKU });
  const took_s = (performance.now() - start_ms) / 1_000;
  process.stderr.write(`${orders} orders and ${locks} locks in ${took_s.toFixed(0)} s\n`);
  const many = `filled-${CUSTOMERS - 1}`;
  const [ours, theirs] = await compare(
    [full, empty],
    [callsWith(fullId, many), callsWith(emptyId, CUSTOMER)],
  );
  print(`${orders}`, report(`${orders}`, ours ?? [], theirs ?? []));
}

async function growCatalogue(empty: Stack, full: Stack): Promise<void> {
  await fillCatalogue(empty, FEW_ITEMS);
  await fillCatalogue(full, items);
  const [ours, theirs] = await compare([full, empty], [CATALOGUE_CALLS, CATALOGUE_CALLS]);
  const bounded = report(`${items}`, ours ?? [], theirs ?? []);
  const whole = await wholeCatalogue(full, items);
  const head = [`of ${items} items`, "takes", "memory of workerd at most"];
  print(`items-${items}`, `${bounded}\n\n${table(head, whole)}`);
}

await withStack(LOCKSTOCK, (empty) =>
  withStack(LOCKSTOCK, (full) => (items > 0 ? growCatalogue : growOrders)(empty, full)),
);

function report(size: string, full: Seen[], empty: Seen[]): string {
  const rows = full.map(({ name, took_ms, rows: read }, i) => {
    const [base_ms, baseRows] = [median(empty[i]?.took_ms ?? []), median(empty[i]?.rows ?? [])];
    const isOver = median(took_ms) > LIMIT * base_ms || median(read) > LIMIT * baseRows + ROWS_FREE;
    if (isOver) process.exitCode = 1;
    return [
      `${name}${isOver ? " **OVER**" : ""}`,
      ...[baseRows, median(read)].map(String),
      ...[base_ms, median(took_ms)].map((ms) => ms.toFixed(2)),
      `${(median(took_ms) / base_ms).toFixed(2)}×`,
    ];
  });
  const few = items > 0 ? `with ${FEW_ITEMS}` : "empty";
  return table(
    ["call", `rows read, ${few}`, `with ${size}`, `ms, ${few}`, `with ${size}`, "time"],
    rows,
  );
}

function print(name: string, text: string): void {
  console.log(text);
  const file = join(ROOT, `bench/results/growth-${name}.md`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${text}\n`);
}
