import { env } from "cloudflare:workers";
import {
  comparePage,
  type ComparePorts,
  type CompareCursor,
} from "../../../src/orders/operators/compare.ts";
import type { Difference } from "../../../src/orders/operators/difference.ts";
import { deliver, settleAll, tamperItem } from "./stock.ts";
import { newCustomer, WAIT, type World } from "./world.ts";

export const START: CompareCursor = { phase: "orders", after: "" };
export const LOCKS: CompareCursor = { phase: "locks", sku: "", after: "" };

/** All pages of a comparison; `between` is done between the two looks of a page. */
export async function compareAll(
  between: () => Promise<unknown> = async () => {},
  from: CompareCursor = START,
  orderRetention_ms = 0,
) {
  const differences: Difference[] = [];
  const ports: ComparePorts = {
    db: env.DB,
    stock: env.STOCK,
    prunedBefore_ms: orderRetention_ms === 0 ? 0 : Date.now() - orderRetention_ms,
    now: Date.now,
    pause: async () => {
      await between();
    },
  };
  let pages = 0;
  for (let cursor: CompareCursor | null = from; cursor !== null; pages++) {
    const page = await comparePage(cursor, ports);
    differences.push(...page.differences);
    cursor = page.next;
  }
  return { differences, pages };
}

/** Takes an order out of D1, and puts it back. */
const hide = (id: string) =>
  env.DB.batch([
    env.DB.prepare("CREATE TABLE aside AS SELECT * FROM orders WHERE id = ?").bind(id),
    env.DB.prepare("DELETE FROM orders WHERE id = ?").bind(id),
  ]);
const unhide = () =>
  env.DB.batch([
    env.DB.prepare("INSERT INTO orders SELECT * FROM aside"),
    env.DB.prepare("DROP TABLE aside"),
  ]);

/** A settled order of two units with this status, and its item. */
export async function settled(world: World, status: "confirmed" | "paid" | "cancelled") {
  const sku = await world.stocked(9, { limitPerCustomer: 5 });
  const { body } = await world.place(newCustomer(), [{ sku, quantity: 2 }], WAIT);
  if (status === "paid") await world.pay(body.id);
  if (status === "cancelled") await world.cancel(body.id);
  await settleAll((await deliver(world.sent.splice(0))).outcomes);
  return { sku, id: body.id };
}

/** Puts a lock row into an item, and counters that agree with it. */
export const plant = (sku: string, orderId: string, state: "held" | "sold") =>
  tamperItem(
    sku,
    `INSERT OR REPLACE INTO locks (order_id, customer_id, quantity, state)
       VALUES ('${orderId}', 'ann', 2, '${state}');
     UPDATE item SET available = available - 2, ${state} = ${state} + 2`,
  );

export const forget = (sku: string, orderId: string) =>
  tamperItem(
    sku,
    `DELETE FROM locks WHERE order_id = '${orderId}';
     UPDATE item SET available = available + held + sold, held = 0, sold = 0`,
  );

const HELD: Lock = { quantity: 2, state: "held" };
const SOLD: Lock = { quantity: 2, state: "sold" };

type Lock = Difference["found"];

interface Case {
  name: string;
  status: "confirmed" | "paid" | "cancelled";
  harm: (sku: string, id: string) => Promise<unknown>;
  mend: (sku: string, id: string) => Promise<unknown>;
  expected: Pick<Difference, "kind" | "status" | "expected" | "found">;
}

export const CASES: Case[] = [
  {
    name: "a confirmed order whose lock is gone",
    status: "confirmed",
    harm: (sku, id) => forget(sku, id),
    mend: (sku, id) => plant(sku, id, "held"),
    expected: { kind: "missing_lock", status: "confirmed", expected: HELD, found: null },
  },
  {
    name: "a paid order whose lock is gone",
    status: "paid",
    harm: (sku, id) => forget(sku, id),
    mend: (sku, id) => plant(sku, id, "sold"),
    expected: { kind: "missing_lock", status: "paid", expected: SOLD, found: null },
  },
  {
    name: "a cancelled order that holds units",
    status: "cancelled",
    harm: (sku, id) => plant(sku, id, "held"),
    mend: (sku, id) => forget(sku, id),
    expected: { kind: "unreleased", status: "cancelled", expected: null, found: HELD },
  },
  {
    name: "a paid order that is only held",
    status: "paid",
    harm: (sku) =>
      tamperItem(sku, "UPDATE locks SET state = 'held'; UPDATE item SET held = 2, sold = 0"),
    mend: (sku) =>
      tamperItem(sku, "UPDATE locks SET state = 'sold'; UPDATE item SET held = 0, sold = 2"),
    expected: { kind: "wrong_lock", status: "paid", expected: SOLD, found: HELD },
  },
  {
    name: "a confirmed order that is sold",
    status: "confirmed",
    harm: (sku) =>
      tamperItem(sku, "UPDATE locks SET state = 'sold'; UPDATE item SET held = 0, sold = 2"),
    mend: (sku) =>
      tamperItem(sku, "UPDATE locks SET state = 'held'; UPDATE item SET held = 2, sold = 0"),
    expected: {
      kind: "wrong_lock",
      status: "confirmed",
      expected: HELD,
      found: SOLD,
    },
  },
  {
    name: "a lock of another quantity",
    status: "confirmed",
    harm: (sku) => tamperItem(sku, "UPDATE locks SET quantity = 1"),
    mend: (sku) => tamperItem(sku, "UPDATE locks SET quantity = 2"),
    expected: {
      kind: "wrong_lock",
      status: "confirmed",
      expected: HELD,
      found: { quantity: 1, state: "held" },
    },
  },
  {
    name: "a lock of an order that D1 does not know",
    status: "confirmed",
    harm: (_, id) => hide(id),
    mend: () => unhide(),
    expected: { kind: "orphan_lock", status: null, expected: null, found: HELD },
  },
];
