import { env } from "cloudflare:workers";
import type { OrderEvent } from "../../../src/contract/order-events.ts";
import { settlePorts } from "../../../src/orders/outcomes/settle-ports.ts";
import { reconcile, type ReconcilePorts } from "../../../src/orders/reconcile/reconcile.ts";
import { orderNow } from "./world.ts";

/** Real stock items that write down what they were asked, and may be made to be away. */
export function stockLane({ isAway = false } = {}) {
  const asked: OrderEvent[] = [];
  const lane = {
    asked,
    isAway,
    stock: {
      async execute(events: OrderEvent[], within_ms: number) {
        asked.push(...events);
        if (lane.isAway) throw new Error("the stock Worker is absent");
        return env.STOCK.execute(events, within_ms);
      },
    } satisfies ReconcilePorts["stock"],
    /** What it was asked about one order. */
    askedOf: (id: string) => asked.filter(({ orderId }) => orderId === id).map(({ type }) => type),
  };
  return lane;
}

interface PassOptions {
  vars?: Partial<OrdersEnv>;
  stock?: ReconcilePorts["stock"];
  db?: D1Database;
}

/** One pass of reconcile at a time of the test's. */
export const passAt = (
  now_ms: number,
  { vars = {}, stock = env.STOCK, db = env.DB }: PassOptions = {},
): Promise<boolean> =>
  reconcile({
    ...settlePorts(Object.assign({}, env, vars)),
    db,
    now: () => now_ms,
    deadlinesFrom_ms: 0,
    random: () => 1,
    stock,
  });

/** When the order has to be looked at; throws when it has not. */
export async function dueAt(id: string): Promise<number> {
  const { dueAt_ms } = await orderNow(id);
  if (dueAt_ms === null) throw new Error(`order ${id} is not due`);
  return dueAt_ms;
}
