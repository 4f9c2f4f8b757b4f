import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { OrderEvent } from "../../../src/contract/order-events.ts";
import type { Movement } from "../../../src/contract/stock-api.ts";
import type { StockEvent } from "../../../src/contract/stock-events.ts";
import type { Order } from "../../../src/orders/order/order.ts";
import { settlePorts } from "../../../src/orders/outcomes/settle-ports.ts";
import { consumeStockEvents } from "../../../src/orders/outcomes/stock-events-consumer.ts";
import { consumeOrderEvents } from "../../../src/stock/consumer.ts";
import type { StockItem } from "../../../src/stock/item/stock-item.ts";
import { itemCaller } from "../../../src/stock/stock-api.ts";
import { orderNow, recordingQueue } from "./world.ts";

declare global {
  namespace Cloudflare {
    interface Env extends StockEnv {}
  }
}

const itemOf = (sku: string) => env.ITEM.getByName(sku);

export async function counters(sku: string): Promise<Movement["balance"]> {
  const { received, available, held, sold } = (await itemOf(sku).level(sku)).level;
  return { received, available, held, sold };
}

/** Kinds of all movements, oldest first, once their balances have been checked by replaying. */
export async function ledgerOf(sku: string): Promise<Movement["kind"][]> {
  const movements: Movement[] = [];
  for (let before: number | null = null; ;) {
    const page = await itemOf(sku).ledger({ before, limit: 100 });
    movements.push(...page.movements);
    before = page.next;
    if (before === null) break;
  }
  const now = { received: 0, available: 0, held: 0, sold: 0 };
  for (const { kind, quantity, balance } of movements.toReversed()) {
    if (kind === "receive" || kind === "adjust") {
      now.received += quantity;
      now.available += quantity;
    } else if (kind === "write_off") {
      now.received -= quantity;
      now.sold -= quantity;
    } else {
      const [from, to] = MOVES[kind];
      now[from] -= quantity;
      now[to] += quantity;
    }
    expect(balance).toEqual(now);
    expect(balance.received).toBe(balance.available + balance.held + balance.sold);
    expect(Math.min(...Object.values(balance))).toBeGreaterThanOrEqual(0);
  }
  expect(await counters(sku)).toEqual(now);
  return movements.toReversed().map(({ kind }) => kind);
}

const MOVES = {
  lock: ["available", "held"],
  release: ["held", "available"],
  commit: ["held", "sold"],
  return: ["sold", "available"],
  opening: ["available", "available"],
} as const;

/** Changes rows of an item behind its back. */
export const tamperItem = (sku: string, query: string, ...values: (string | number)[]) =>
  runInDurableObject(itemOf(sku), (_item: StockItem, state) => {
    state.storage.sql.exec(query, ...values);
  });

/** Units the item counts for each customer. */
export const customerUnits = (sku: string): Promise<Record<string, number>> =>
  runInDurableObject(itemOf(sku), (_item: StockItem, state) => {
    const rows = state.storage.sql.exec<{ customer_id: string; units: number }>(
      "SELECT customer_id, units FROM customers",
    );
    return Object.fromEntries([...rows].map((row) => [row.customer_id, row.units]));
  });

function batchOf(queue: string, bodies: readonly unknown[]) {
  const ended: ("ack" | "retry")[][] = bodies.map(() => []);
  const batch: MessageBatch = {
    queue,
    metadata: { metrics: { backlogCount: 0, backlogBytes: 0 } },
    ackAll() {},
    retryAll() {},
    messages: bodies.map((body, i) => ({
      id: `message-${i}`,
      timestamp: new Date(0),
      attempts: 1,
      body,
      ack: () => ended[i]?.push("ack"),
      retry: () => ended[i]?.push("retry"),
    })),
  };
  return { batch, ended: () => ended.map(([only]) => only) };
}

/** Delivers order events to the stock items, each a message; answers with what came of them. */
export async function deliver(events: readonly OrderEvent[]) {
  const { queue: stockEvents, events: outcomes } = recordingQueue<StockEvent>();
  const { batch, ended } = batchOf("order-events", events);
  await consumeOrderEvents(batch, {
    callItem: itemCaller(env),
    stockEvents,
    orderEvents: recordingQueue().queue,
    deadLetters: recordingQueue().queue,
    now: Date.now,
  });
  return { outcomes, ended: ended() };
}

/** Delivers stock events to the orders Worker. */
export async function settleAll(events: readonly StockEvent[], vars: Partial<OrdersEnv> = {}) {
  const { batch, ended } = batchOf("stock-events", events);
  const ports = settlePorts(Object.assign({}, env, vars));
  await consumeStockEvents(batch, { ...ports, stockEvents: recordingQueue().queue });
  expect(new Set(ended())).toEqual(new Set(events.length > 0 ? ["ack"] : []));
}

const LEGAL: Record<string, readonly string[]> = {
  pending: ["confirmed", "cancelled"],
  confirmed: ["paid", "cancelled"],
  paid: [],
  cancelled: [],
};

/** Invariant 4: revisions grow by one, and every step is one that there is. */
export function expectLegalHistory({ history, revision, status, reason }: Order): void {
  for (const [i, { revision: own, step }] of history.entries()) {
    // Recovery skips what a database that was put back may have lost.
    const growth = step === "recovered" ? 1_000 : 1;
    expect(own).toBe((history[i - 1]?.revision ?? 0) + growth);
  }
  expect(history[0]?.status).toBe("pending");
  for (const [i, step] of history.entries()) {
    const before = history[i - 1]?.status ?? "";
    if (step.step !== undefined) expect(step.status).toBe(before);
    else if (i > 0) expect(LEGAL[before]).toContain(step.status);
  }
  expect(history.at(-1)).toMatchObject({ revision, status, reason });
}

/**
 * Invariants 1, 2, 4 and 5 for an item and all orders of it, once settled: nothing is awaited, the
 * ledger replays to the counters, and these and the counts per customer are what the orders say.
 */
export async function expectSettled(sku: string, ids: readonly string[]): Promise<Order[]> {
  const orders = await Promise.all(ids.map((id) => orderNow(id)));
  const units = { held: 0, sold: 0 };
  const perCustomer: Record<string, number> = {};
  for (const order of orders) {
    expectLegalHistory(order);
    expect([order.id, order.awaits]).toEqual([order.id, null]);
    expect(order.status).not.toBe("pending");
    if (order.status === "cancelled") continue;
    const ordered = order.lines.find((line) => line.sku === sku)?.quantity ?? 0;
    const quantity = ordered - (order.returned?.[sku] ?? 0);
    if (quantity === 0) continue;
    units[order.status === "paid" ? "sold" : "held"] += quantity;
    perCustomer[order.customerId] = (perCustomer[order.customerId] ?? 0) + quantity;
  }
  await ledgerOf(sku);
  expect(await counters(sku)).toMatchObject(units);
  if (orders.some(({ lines }) => lines.some((line) => line.limitPerCustomer !== null))) {
    expect(await customerUnits(sku)).toEqual(perCustomer);
  }
  return orders;
}
