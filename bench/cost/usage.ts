import type { Counted } from "./count.ts";
import { OBJECT_GB, type Usage } from "./prices.ts";

/** The sum of `what` over all who used it, or over one of them. */
export function sumOf({ counts }: Counted, what: string, who?: string): number {
  return Object.entries(counts).reduce((sum, [name, n]) => {
    const [counted, by] = name.split(" ");
    return counted === what && (who === undefined || by === who) ? sum + n : sum;
  }, 0);
}

/** What one of the counted orders used of all that is billed. */
export function usageOf(counted: Counted): Usage {
  const each = (...whats: string[]): number =>
    whats.reduce((sum, what) => sum + sumOf(counted, what), 0) / counted.orders;
  return {
    workerRequests: each("worker.requests", "worker.batches"),
    cpu_ms: counted.cpu_ms / counted.orders,
    objectRequests: each("object.calls", "object.alarms"),
    objectDuration_GBs: (each("object.active_ms") / 1_000) * OBJECT_GB,
    d1RowsRead: each("d1.rowsRead"),
    d1RowsWritten: each("d1.rowsWritten"),
    queueOperations: each("queue.writes", "queue.reads", "queue.deletes"),
    objectRowsRead: each("object.rowsRead"),
    objectRowsWritten: each("object.rowsWritten"),
  };
}

/** What is not billed but says how the work was shared. */
export interface Shape {
  d1TripsToPlace: number;
  d1Trips: number;
  /** Orders in one commit of the desk. */
  ordersPerCommit: number;
  /** Events in one delivery to each consumer; NaN: there is none. */
  eventsPerBatch: { stock: number; orders: number };
  stockCalls: number;
  stockRowsWritten: number;
  feedCalls: number;
  /** Levels told, each a row of D1 that is the item's and not the order's. */
  levels: number;
  /** Rows of the reconciler's beat, which has a pace of its own. */
  beats: number;
}

export function shapeOf(counted: Counted): Shape {
  const each = (what: string, who?: string) => sumOf(counted, what, who) / counted.orders;
  const perBatch = (queue: string) =>
    sumOf(counted, "consumer.events", queue) / sumOf(counted, "worker.batches", queue);
  return {
    d1TripsToPlace: each("d1.trips", "OrderDesk"),
    d1Trips: each("d1.trips"),
    ordersPerCommit: counted.orders / sumOf(counted, "d1.trips", "OrderDesk"),
    eventsPerBatch: { stock: perBatch("order-events"), orders: perBatch("stock-events") },
    stockCalls: each("object.calls", "StockItem") + each("object.alarms", "StockItem"),
    stockRowsWritten: each("object.rowsWritten", "StockItem"),
    feedCalls: each("object.calls", "CustomerFeed"),
    levels: each("consumer.levels", "stock-events"),
    beats: each("d1.rowsWritten", "Reconciler"),
  };
}
