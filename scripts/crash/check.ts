import { setTimeout as sleep } from "node:timers/promises";
import pMap from "p-map";
import type { Movement } from "../../src/contract/stock-api.ts";
import type { Level } from "../../src/contract/stock-events.ts";
import type { Dashboard } from "../../src/orders/operators/dashboard.sql.ts";
import type { OrderView } from "../../src/orders/order/order.ts";
import { type Ask, read, readAll } from "../lib/api-client.ts";
import type { Journal } from "./journal.ts";
import type { Listener } from "./listener.ts";
import type { Customer, Load } from "./load.ts";

/** The promise: every order is settled within this time once faults stop (docs/reliability.md). */
const SETTLE_MS = 150_000;
/** The feed's last reread comes a minute after the one before. */
const FEED_MS = 75_000;
const CONCURRENCY = 4;

type Counters = Movement["balance"];

/** Waits until nothing is unsettled; answers how long that took. */
export async function settled(operator: Ask, journal: Journal): Promise<number> {
  const from = Date.now();
  for (;;) {
    const { unsettled } = await read<Dashboard>(operator, "/v1/operations");
    if (unsettled.count === 0) return Date.now() - from;
    if (Date.now() - from > SETTLE_MS) {
      journal.violation(`${unsettled.count} orders unsettled after ${SETTLE_MS / 1_000} s`);
      return Date.now() - from;
    }
    await sleep(250);
  }
}

/** Everything the clients were told, against what the API says at the end. */
export async function check(load: Load, listeners: ReadonlyMap<string, Listener>) {
  const { operator, journal, customers, skus } = load;
  const all = await pMap(customers, (one) => ofCustomer(load, one), { concurrency: CONCURRENCY });
  const orders = all.flat();
  const found = new Set(orders.map(({ id }) => id));
  for (const id of journal.placed.keys()) {
    if (!found.has(id)) journal.violation(`order ${id} got a 2xx and does not exist`);
  }
  const unknown = orders.filter(({ id }) => !journal.placed.has(id)).length;
  if (unknown > journal.unheard) {
    journal.violation(`${unknown} orders nobody knows, ${journal.unheard} calls without an answer`);
  }
  await pMap(orders, (order) => outcome(load, order), { concurrency: CONCURRENCY });
  for (const sku of skus) await item(load, sku, orders);
  await differences(operator, journal);
  await sockets(journal, all, customers, listeners);
  const { deadLetters, breaches } = await read<Dashboard>(operator, "/v1/operations");
  if (breaches > 0) journal.violation(`${breaches} breaches`);
  return { orders, deadLetters };
}

const ofCustomer = (_: Load, { ask }: Customer): Promise<OrderView[]> =>
  readAll<OrderView>(ask, "/v1/orders", "orders");

const NEXT: Record<string, string[]> = {
  pending: ["confirmed", "cancelled"],
  confirmed: ["paid", "cancelled"],
  paid: [],
  cancelled: [],
};

interface Transition {
  revision: number;
  status: string;
  reason: string | null;
}

/** One outcome, reached by allowed steps, and nothing that was told of it is untrue. */
async function outcome({ operator, journal }: Load, order: OrderView): Promise<void> {
  const { id, status } = order;
  const path = `/v1/operations/orders/${id}/history`;
  const { transitions } = await read<{ transitions: Transition[] }>(operator, path);
  let last: Transition | undefined;
  for (const step of transitions) {
    const isFirst = last === undefined && step.status === "pending" && step.revision === 1;
    const isNext =
      last !== undefined &&
      step.revision === last.revision + 1 &&
      NEXT[last.status]?.includes(step.status);
    if (!isFirst && !isNext) journal.violation(`order ${id}: ${last?.status} → ${step.status}`);
    last = step;
  }
  if (last?.status !== status || last.revision !== order.revision) {
    journal.violation(`order ${id}: ${status}, its history says ${last?.status}`);
  }
  if (status === "pending") journal.violation(`order ${id} is pending`);
  if (journal.paid.has(id) && status !== "paid") journal.violation(`order ${id}: paid, ${status}`);
  if (journal.cancelled.has(id) && status !== "cancelled") {
    journal.violation(`order ${id}: cancelled, ${status}`);
  }
  for (const seen of journal.seen.get(id) ?? []) {
    const step = transitions.find(({ revision }) => revision === seen.revision);
    if (step?.status !== seen.status || step.reason !== seen.reason) {
      journal.violation(`order ${id}: revision ${seen.revision} was told as ${seen.status}`);
    }
  }
}

/** Level, ledger and read model of an item agree with its orders and with what was received. */
async function item({ operator, journal }: Load, sku: string, orders: readonly OrderView[]) {
  const level = await read<Level>(operator, `/v1/items/${sku}/stock`);
  const movements = await readAll<Movement>(operator, `/v1/items/${sku}/ledger`, "movements");
  const replay = movements
    .toReversed()
    .reduce(applied, { received: 0, available: 0, held: 0, sold: 0 });
  const units = (status: string) =>
    orders
      .filter((order) => order.status === status)
      .flatMap(({ lines }) => lines.filter((line) => line.sku === sku))
      .reduce((sum, { quantity }) => sum + quantity, 0);
  const truth: Counters = {
    received: journal.adjusted.get(sku) ?? 0,
    available: level.received - level.held - level.sold,
    held: units("confirmed"),
    sold: units("paid"),
  };
  for (const counter of ["received", "available", "held", "sold"] as const) {
    const [told, expected, replayed] = [level[counter], truth[counter], replay[counter]];
    if (told < 0 || told !== expected || told !== replayed) {
      journal.violation(
        `${sku}: ${counter} is ${told}, its ledger ${replayed}, by the orders ${expected}`,
      );
    }
  }
  const deadline = Date.now() + FEED_MS;
  for (;;) {
    const { available } = await read<{ available: number }>(operator, `/v1/items/${sku}`);
    if (available === level.available) return;
    if (Date.now() > deadline) {
      return journal.violation(`${sku}: ${level.available} available, catalogue ${available}`);
    }
    await sleep(250);
  }
}

function applied(before: Counters, { kind, quantity, balance }: Movement): Counters {
  const after = { ...before };
  if (kind === "opening") return balance;
  if (kind === "receive" || kind === "adjust") {
    after.received += quantity;
    after.available += quantity;
  } else if (kind === "write_off") {
    after.received -= quantity;
    after.sold -= quantity;
  } else {
    const [from, to] = MOVES[kind];
    after[from] -= quantity;
    after[to] += quantity;
  }
  return after;
}

const MOVES = {
  lock: ["available", "held"],
  release: ["held", "available"],
  commit: ["held", "sold"],
  return: ["sold", "available"],
} as const;

/** The stack's own comparison of orders and locks: nothing is held by a finished order. */
async function differences(operator: Ask, journal: Journal): Promise<void> {
  let cursor: string | null = null;
  do {
    const options: { body: unknown } = { body: { cursor } };
    const answer = await operator<{ differences: object[]; nextCursor: string | null }>(
      "POST",
      "/v1/operations/reconcile",
      options,
    );
    if (answer.status !== 200) return journal.violation(`comparing answered ${answer.status}`);
    for (const one of answer.body.differences) journal.violation(JSON.stringify(one));
    cursor = answer.body.nextCursor;
  } while (cursor !== null);
}

/** Every client of the feed comes to know the final state of every order of its customer. */
async function sockets(
  journal: Journal,
  all: OrderView[][],
  customers: readonly Customer[],
  listeners: ReadonlyMap<string, Listener>,
): Promise<void> {
  const deadline = Date.now() + FEED_MS;
  for (const [i, { id }] of customers.entries()) {
    const known = listeners.get(id)?.known;
    const behind = () =>
      (all[i] ?? []).filter((order) => known?.get(order.id)?.revision !== order.revision);
    while (behind().length > 0 && Date.now() < deadline) await sleep(250);
    for (const { id: order } of behind()) {
      journal.violation(`${id}'s socket did not end on the truth of order ${order}`);
    }
  }
}
