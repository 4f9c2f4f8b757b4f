import pMap from "p-map";
import type { Movement } from "../../src/contract/stock-api.ts";
import type { Level } from "../../src/contract/stock-events.ts";
import type { OrderView } from "../../src/orders/order/order.ts";
import type { Journal } from "../crash/journal.ts";
import type { Load } from "../crash/load.ts";
import { type Ask, read, readAll } from "../lib/api-client.ts";

/** What buyers were told before a disaster, against what is true after it. */

const CONCURRENCY = 4;

/** The last thing that was told of each order. */
export function told(journal: Journal): Map<string, string> {
  const last = new Map<string, string>();
  for (const [id, seen] of journal.seen) {
    const newest = seen.toSorted((a, b) => a.revision - b.revision).at(-1);
    if (newest) last.set(id, newest.status);
  }
  for (const id of journal.paid) last.set(id, "paid");
  for (const id of journal.cancelled) last.set(id, "cancelled");
  return last;
}

export interface Repeats {
  pay: number;
  cancel: number;
}

/**
 * A step that no item had heard of when the database was put back is known to the shop alone, which
 * makes it again: the payments that it has taken, and the cancellations that it has promised.
 */
export async function repeatTold(operator: Ask, journal: Journal): Promise<Repeats> {
  const repeats: Repeats = { pay: 0, cancel: 0 };
  const all = (["pay", "cancel"] as const).flatMap((what) =>
    [...(what === "pay" ? journal.paid : journal.cancelled)].map((id) => ({ id, what })),
  );
  const again = async ({ id, what }: (typeof all)[number]) => {
    const { body: order } = await operator<OrderView>("GET", `/v1/orders/${id}`);
    if (order.status !== "confirmed" && order.status !== "pending") return;
    const { status } = await operator("POST", `/v1/orders/${id}/${what}`);
    if (status === 200) repeats[what] += 1;
  };
  await pMap(all, again, { concurrency: CONCURRENCY });
  return repeats;
}

const KEPT: Record<string, readonly string[]> = {
  pending: ["pending", "confirmed", "paid", "cancelled"],
  confirmed: ["confirmed", "paid"],
  paid: ["paid"],
  cancelled: ["cancelled"],
};

export interface Kept {
  orders: OrderView[];
  /** Orders that no item had heard of, and whose buyers had heard of no outcome. */
  lost: number;
}

/** Nobody's confirmed or paid order is gone or something else, and every key is a replay. */
export async function checkOrders(
  { operator, journal, customers }: Load,
  before: ReadonlyMap<string, string>,
): Promise<Kept> {
  const pages = await pMap(
    customers,
    ({ ask }) => readAll<OrderView>(ask, "/v1/orders", "orders"),
    {
      concurrency: CONCURRENCY,
    },
  );
  const orders = pages.flat();
  const found = new Map(orders.map((order) => [order.id, order]));
  let lost = 0;
  for (const [id, status] of before) {
    const now = found.get(id)?.status;
    if (now === undefined && status === "pending") lost += 1;
    else if (now === undefined) journal.violation(`order ${id} was told ${status} and is gone`);
    else if (!KEPT[status]?.includes(now)) {
      journal.violation(`order ${id} was told ${status} and is ${now}`);
    }
  }
  const replay = async ([key, id]: [string, string]) => {
    const order = found.get(id);
    const customer = customers.find((one) => one.id === order?.customerId);
    if (!order || !customer) return;
    const lines = order.lines.map(({ sku, quantity }) => ({ sku, quantity }));
    const headers = { "idempotency-key": key };
    const again = await customer.ask<OrderView>("POST", "/v1/orders", { body: { lines }, headers });
    if (again.status >= 300 || again.body.id !== id) {
      journal.violation(`key ${key} of ${id}: ${again.status} ${again.body.id}`);
    }
  };
  await pMap(journal.byKey, replay, { concurrency: CONCURRENCY });
  operator satisfies Ask;
  return { orders, lost };
}

/** Units of an item add up, by its ledger and by the orders. */
export async function checkItem(
  { operator, journal }: Load,
  sku: string,
  orders: readonly OrderView[],
): Promise<void> {
  const level = await read<Level>(operator, `/v1/items/${sku}/stock`);
  const [newest] = await readAll<Movement>(operator, `/v1/items/${sku}/ledger`, "movements");
  const units = (status: string) =>
    orders
      .filter((order) => order.status === status)
      .flatMap(({ lines }) => lines.filter((line) => line.sku === sku))
      .reduce((sum, { quantity }) => sum + quantity, 0);
  const expected = { held: units("confirmed"), sold: units("paid") };
  for (const counter of ["held", "sold"] as const) {
    const [has, ledger] = [level[counter], newest?.balance[counter] ?? 0];
    if (has !== expected[counter] || has !== ledger) {
      journal.violation(
        `${sku}: ${counter} is ${has}, its ledger ${ledger}, by the orders ${expected[counter]}`,
      );
    }
  }
  if (level.received !== level.available + level.held + level.sold) {
    journal.violation(`${sku}: ${JSON.stringify(level)} does not add up`);
  }
}
