import { newOrderId } from "../../src/contract/order-id.ts";
import { stockOutcome } from "../../src/contract/stock-events.ts";
import type { Policy } from "../../src/orders/config/policy.ts";
import { settle, type SettlePorts } from "../../src/orders/outcomes/settle.ts";
import { type Candidate, placeAll } from "../../src/orders/place/placement.sql.ts";
import { StockItem as Item } from "../../src/stock/item/stock-item.ts";

/** Times the three things that everything waits for: a commit of the desk, a settling, an item's call. */

interface Env {
  DB: D1Database;
  ITEM: DurableObjectNamespace<StockItem>;
}

export class StockItem extends Item {
  bytes(): number {
    return this.ctx.storage.sql.databaseSize;
  }
}

const SKU = "SCALED";
const UNITS = 10_000_000;
const POLICY = { lockDeadline_ms: 900_000, paymentWindow_ms: 0, isGateOn: true } as Policy;
const NOBODY = { push: async () => ({ unnotified: new Map() }), isExhausted: () => false };

export default {
  async fetch(request, env): Promise<Response> {
    const url = new URL(request.url);
    const number = (name: string): number => Number(url.searchParams.get(name));
    if (url.pathname === "/stock") return Response.json(await stock(env));
    return Response.json(await time(env, number("batch"), number("rounds")));
  },
} satisfies ExportedHandler<Env>;

async function stock(env: Env): Promise<number> {
  const adjustment = { operationId: "in", delta: UNITS, reason: "scaling" };
  await env.ITEM.getByName(SKU).adjust(SKU, adjustment);
  const insert = `INSERT INTO items (sku, name, price_amount, price_currency, updated_at, received,
    available, level_at) VALUES (?1, ?1, 1000, 'EUR', ?2, ?3, ?3, ?2)`;
  const { meta } = await env.DB.prepare(insert).bind(SKU, Date.now(), UNITS).run();
  return meta.changes;
}

/** Milliseconds of each step with this many orders, the mean of all rounds; and what is stored then. */
async function time(env: Env, batch: number, rounds: number) {
  const took_ms = { place: 0, lock: 0, settle: 0 };
  const timed = async (step: keyof typeof took_ms, work: () => Promise<unknown>) => {
    const start_ms = Date.now();
    await work();
    took_ms[step] += (Date.now() - start_ms) / rounds;
  };
  const item = env.ITEM.getByName(SKU);
  for (let round = 0; round < rounds; round++) {
    const orders = Array.from({ length: batch }, candidate);
    await timed("place", () => placeAll(env.DB, orders, POLICY, Date.now()));
    await timed("lock", () => item.apply(SKU, orders.map(lockOf)));
    const outcomes = orders.map(({ id }) => stockOutcome("stock.locked", id, Date.now()));
    await timed("settle", () => settle(outcomes, ports(env)));
  }
  const { meta } = await env.DB.prepare("DELETE FROM presence").run();
  return { took_ms, d1_bytes: meta.size_after, item_bytes: await item.bytes() };
}

const candidate = (): Candidate => {
  const lines = [{ sku: SKU, quantity: 1 }];
  return {
    id: newOrderId(Date.now()),
    customerId: crypto.randomUUID(),
    key: crypto.randomUUID(),
    lines,
  };
};

const lockOf = ({ id, customerId }: Candidate) =>
  ({ type: "lock", orderId: id, customerId, quantity: 1, limit: null }) as const;

const ports = ({ DB }: Env): SettlePorts => ({
  db: DB,
  feeds: NOBODY,
  policy: POLICY,
  now: Date.now,
  watch: async () => {},
});
