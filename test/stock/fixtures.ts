import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import { unpack } from "../../src/contract/envelope.ts";
import type { OrderEvent } from "../../src/contract/order-events.ts";
import { newOrderId } from "../../src/contract/order-id.ts";
import type { Movement } from "../../src/contract/stock-api.ts";
import type { StockEvent } from "../../src/contract/stock-events.ts";
import type { ItemCommand } from "../../src/stock/item/rules.ts";
import type { StockItem } from "../../src/stock/worker.ts";

declare global {
  namespace Cloudflare {
    interface Env extends StockEnv {}
  }
}

export const DAY_MS = 86_400_000;
/** Ahead of the real clock, so that no alarm fires by itself while a test sets the time. */
export const AHEAD_MS = 10 * DAY_MS;

/** Of an item that has begun without anything stored. */
export const FIRST_INCARNATION = {
  id: expect.stringMatching(/^[0-9a-f]{8}$/) as string,
  fromVersion: 0,
};

export const item = (sku: string) => env.ITEM.getByName(sku);

let operations = 0;
export async function receive(sku: string, delta: number): Promise<void> {
  const operationId = `receive ${++operations}`;
  const result = await item(sku).adjust(sku, { operationId, delta, reason: "delivery" });
  if (!result.ok) throw new Error(result.code);
}

interface LockOptions {
  quantity?: number;
  customerId?: string;
  limit?: number | null;
}

export function lock(
  orderId: string,
  { quantity = 1, customerId = "ann", limit = null }: LockOptions = {},
): ItemCommand {
  return { type: "lock", orderId, customerId, quantity, limit };
}
export const release = (orderId: string): ItemCommand => ({ type: "release", orderId });
export const commit = (orderId: string): ItemCommand => ({ type: "commit", orderId });

/** The answers of one call, as their types. */
export async function apply(sku: string, ...commands: ItemCommand[]): Promise<string[]> {
  const { answers } = await item(sku).apply(sku, commands);
  return answers.map(({ type }) => type);
}

export const newOrders = (count: number, at_ms = Date.now()): string[] =>
  Array.from({ length: count }, () => newOrderId(at_ms));

export async function counters(sku: string) {
  const { received, available, held, sold } = (await item(sku).level(sku)).level;
  return { received, available, held, sold };
}

/** The whole ledger, oldest first, read page by page. */
export async function ledger(sku: string, limit = 100): Promise<Movement[]> {
  const all: Movement[] = [];
  for (let before: number | null = null, more = true; more;) {
    const page = await item(sku).ledger({ before, limit });
    all.push(...page.movements);
    before = page.next;
    more = before !== null;
  }
  return all.toReversed();
}

/** What a ledger says the counters are. */
export function replay(movements: Movement[]): Movement["balance"] {
  let c = { received: 0, available: 0, held: 0, sold: 0 };
  for (const { kind, quantity: q, balance } of movements) {
    const { received, available, held, sold } = c;
    if (kind === "opening") c = { ...balance };
    else if (kind === "lock") c = { ...c, available: available - q, held: held + q };
    else if (kind === "release") c = { ...c, available: available + q, held: held - q };
    else if (kind === "commit") c = { ...c, held: held - q, sold: sold + q };
    else if (kind === "return") c = { ...c, sold: sold - q, available: available + q };
    else if (kind === "write_off") c = { ...c, sold: sold - q, received: received - q };
    else c = { ...c, received: received + q, available: available + q };
  }
  return c;
}

/** Rows of one of the item's tables. */
export const rows = (sku: string, query: string, ...bindings: (string | number)[]) =>
  runInDurableObject(item(sku), (_, { storage }) => storage.sql.exec(query, ...bindings).toArray());

export const lockCount = async (sku: string) =>
  (await rows(sku, "SELECT count(*) AS n FROM locks"))[0]?.["n"];

export const armedAt = (sku: string) =>
  runInDurableObject(item(sku), (_, { storage }) => storage.getAlarm());

export function setTime(now_ms: number): void {
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.setSystemTime(now_ms);
}

/** Runs the alarm of an item, whenever it is set. */
export const fire = (sku: string) =>
  runInDurableObject(item(sku), async (it: StockItem, { storage }) => {
    await storage.deleteAlarm();
    await it.alarm();
  });

/** Until when each item has lived by `daysUntil`. */
const lived = new Map<string, number>();

/**
 * Lets an item that goes on selling live day by day, as its watermark does: its alarm runs daily, and
 * it has seen an order of the last day.
 */
export async function daysUntil(sku: string, from_ms: number, until_ms: number): Promise<void> {
  const newest = newOrderId(until_ms);
  const mark = `INSERT INTO locks (order_id, customer_id, quantity, state, ended_at, returned)
    VALUES ('${newest}', 'ann', 1, 'refused', ${until_ms}, 0)`;
  await rows(sku, mark);
  let day_ms = lived.get(sku) ?? from_ms;
  for (; day_ms < until_ms; day_ms += DAY_MS) {
    setTime(day_ms);
    await fire(sku);
  }
  lived.set(sku, until_ms);
  setTime(until_ms);
  // The next step is now, whatever the day before has planned.
  if (day_ms - until_ms < DAY_MS) await rows(sku, "UPDATE item SET prune_at = 0");
  await fire(sku);
  await rows(sku, `DELETE FROM locks WHERE order_id = '${newest}'`);
}

/** Keeps what is sent to a queue instead of sending it. */
export function capture(queue: Queue) {
  const bodies: unknown[] = [];
  const metadata = { metrics: { backlogCount: 0, backlogBytes: 0 } };
  const sendBatch = vi.spyOn(queue, "sendBatch").mockImplementation(async (messages) => {
    bodies.push(...[...messages].map(({ body }) => body));
    return { metadata };
  });
  const send = vi.spyOn(queue, "send").mockImplementation(async (body) => {
    bodies.push(body);
    return { metadata };
  });
  const events = () => bodies.flatMap((body) => unpack(body).events) as StockEvent[];
  return { bodies, events, send, sendBatch };
}

/** The log lines since `keepLogs`. */
export const logged: unknown[] = [];

export function keepLogs(): void {
  logged.length = 0;
  for (const level of ["info", "warn", "error"] as const) {
    vi.spyOn(console, level).mockImplementation((line) => void logged.push(JSON.parse(line)));
  }
}

export function event(
  type: Exclude<OrderEvent["type"], "order.returned">,
  orderId: string,
  wanted: Record<string, number>,
): OrderEvent {
  const at = new Date().toISOString();
  const head = { version: 1, id: `${type}:${orderId}`, at, orderId } as const;
  const lines = Object.entries(wanted).map(([sku, quantity]) => ({ sku, quantity }));
  return type === "order.placed"
    ? { type, ...head, customerId: "ann", lines }
    : { type, ...head, lines };
}
