import type { OrderEvent } from "../../../src/contract/order-events.ts";
import { type StockEvent, stockReturned } from "../../../src/contract/stock-events.ts";
import { reconcile, type ReconcilePorts } from "../../../src/orders/reconcile/reconcile.ts";
import { committed, locked, portsWith, released } from "./data.ts";

type Answers = Record<
  Exclude<OrderEvent["type"], "order.returned">,
  (orderId: string) => StockEvent
>;

const ANSWERS: Answers = {
  "order.placed": locked,
  "order.cancelled": released,
  "order.paid": committed,
};

/** A stock Worker that does what it is asked, and writes it down. */
export function fakeStock(answers: Partial<Answers> = {}) {
  const calls: OrderEvent[][] = [];
  const execute = async (events: OrderEvent[]): Promise<StockEvent[]> => {
    calls.push(events);
    return events.map((event) => {
      const { type, orderId } = event;
      if (type === "order.returned") return stockReturned(orderId, event.returnId, Date.now());
      return (answers[type] ?? ANSWERS[type])(orderId);
    });
  };
  return { stock: { execute, levels: async () => [] }, calls };
}

export const absentStock: ReconcilePorts["stock"] = {
  execute: async () => {
    throw new Error("no such service");
  },
};

/** One pass of reconcile at a time, by default with a stock Worker that does everything. */
export const pass = (now_ms: number, parts: Partial<ReconcilePorts> = {}): Promise<boolean> =>
  reconcile({
    ...portsWith({ now: () => now_ms }),
    stock: fakeStock().stock,
    random: () => 1,
    deadlinesFrom_ms: 0,
    ...parts,
  });
