import pMap from "p-map";
import { expect } from "vitest";
import type { Movement } from "../../../src/contract/stock-api.ts";
import type { Level } from "../../../src/contract/stock-events.ts";
import type { OrderView } from "../../../src/orders/order/order.ts";
import type { Client } from "./client.ts";
import { until } from "./until.ts";

/** Orders asked for at the same time: more would slow down what is waited for. */
const ASKED_AT_ONCE = 8;

/** Waits until none of these orders is pending, and answers with all of them, in their order. */
export async function settled(
  client: Client,
  ids: readonly string[],
  limit_ms = 60_000,
): Promise<OrderView[]> {
  const deadline = Date.now() + limit_ms;
  const isSettled = async (id: string) => {
    const order = await client.order(id);
    return order.status !== "pending" && order;
  };
  return await pMap(
    ids,
    (id) => until(`order ${id} settled`, () => isSettled(id), deadline - Date.now()),
    { concurrency: ASKED_AT_ONCE },
  );
}

/** Waits until the item's level is this one. */
export async function levelBecomes(client: Client, sku: string, level: Partial<Level>) {
  let last: Level | undefined;
  try {
    await until("the level", async () => {
      last = await client.level(sku);
      return Object.entries(level).every(([key, value]) => last?.[key as keyof Level] === value);
    });
  } catch {
    expect(last).toMatchObject(level);
  }
}

type Counters = Movement["balance"];

/** Invariant 1: every movement's balance adds up, and replaying them all ends on the level. */
export async function expectLedgerReplays(operator: Client, sku: string): Promise<Movement[]> {
  const [movements, level] = await Promise.all([operator.ledger(sku), operator.level(sku)]);
  let counters: Counters = { received: 0, available: 0, held: 0, sold: 0 };
  for (const movement of movements) {
    counters = replayed(counters, movement);
    expect(movement.balance).toEqual(counters);
    expectBalanced(counters);
  }
  expect(level).toMatchObject({ sku, ...counters });
  return movements;
}

export function expectBalanced({ received, available, held, sold }: Counters): void {
  expect(received).toBe(available + held + sold);
  expect(Math.min(received, available, held, sold)).toBeGreaterThanOrEqual(0);
}

function replayed(counters: Counters, { kind, quantity, balance }: Movement): Counters {
  const moved = (from: keyof Counters, to: keyof Counters) => ({
    ...counters,
    [from]: counters[from] - quantity,
    [to]: counters[to] + quantity,
  });
  switch (kind) {
    case "opening":
      return balance;
    case "receive":
    case "adjust":
      return {
        ...counters,
        received: counters.received + quantity,
        available: counters.available + quantity,
      };
    case "lock":
      return moved("available", "held");
    case "release":
      return moved("held", "available");
    case "commit":
      return moved("held", "sold");
    case "return":
      return moved("sold", "available");
    case "write_off":
      return {
        ...counters,
        received: counters.received - quantity,
        sold: counters.sold - quantity,
      };
  }
}

/** Invariant 10: the read model, as anyone sees it, comes to equal the object at rest. */
export async function expectReadModelFollows(operator: Client, sku: string): Promise<void> {
  const { available } = await operator.level(sku);
  await until("the read model", async () => (await operator.item(sku)).available === available);
}
