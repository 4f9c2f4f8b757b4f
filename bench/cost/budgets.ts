import type { Counted } from "./count.ts";
import { dollars, type Usage } from "./prices.ts";
import { shapeOf, usageOf } from "./usage.ts";

/** What a one-line order may use from its placing to `confirmed`, and what a million may cost. */

/** Below this many events a batch the load is not full, and its budgets say nothing. */
const FULL_BATCH = 50;

export interface Judged {
  what: string;
  value: number;
  limit: number;
  isKept: boolean;
}

const atMost = (what: string, value: number, limit: number): Judged => {
  return { what, value, limit, isKept: value <= limit };
};
const atLeast = (what: string, value: number, limit: number): Judged => {
  return { what, value, limit, isKept: value >= limit };
};

const D1_ROWS = 8;
const D1_ROWS_WITHOUT_KEY = 5;
/** A row for each transaction: placing, and the outcome. */
const CHANGES_ROWS = 2;

interface Setting {
  hasKeys: boolean;
  /** Changes are not listed. */
  isOff?: boolean;
}

export function judgeLone(counted: Counted, { hasKeys, isOff = false }: Setting): Judged[] {
  const more = isOff ? 0 : CHANGES_ROWS;
  const { d1TripsToPlace, feedCalls, levels, beats } = shapeOf(counted);
  // The beat follows the clock: one each five seconds of traffic, whatever the number of orders.
  const rows = usageOf(counted).d1RowsWritten - beats;
  return [
    atMost("D1 round trips to place a lone order", d1TripsToPlace, 1),
    hasKeys
      ? atMost("D1 rows written", rows, D1_ROWS + more)
      : // A level is told once a second at most, so it is a lone order's own only by chance.
        atMost("D1 rows written without key and level", rows - levels, D1_ROWS_WITHOUT_KEY + more),
    atMost("D1 rows of the beat", beats, 1),
    atMost("feed calls for an absent customer", feedCalls, 0),
  ];
}

/** A tenth of what rereading 1,000 levels a minute took: 43.2 million of each. */
const IDLE_MILLIONS = 4.32;

/** Of a month without orders. */
export function judgeIdle(usage: Usage): Judged[] {
  const { d1RowsWritten, objectRequests } = usage;
  return [
    atMost("million D1 rows written a month", d1RowsWritten / 1e6, IDLE_MILLIONS),
    atMost("million object requests a month", objectRequests / 1e6, IDLE_MILLIONS),
  ];
}

export function judgeFull(counted: Counted, { hasKeys }: Setting): Judged[] {
  const usage = usageOf(counted);
  const shape = shapeOf(counted);
  return [
    atLeast("events a batch at the stock consumer", shape.eventsPerBatch.stock, FULL_BATCH),
    atLeast("events a batch at the orders consumer", shape.eventsPerBatch.orders, FULL_BATCH),
    atMost("D1 rows written", usage.d1RowsWritten, hasKeys ? D1_ROWS : D1_ROWS_WITHOUT_KEY),
    atMost("stock-object calls on a hot item", shape.stockCalls, 0.05),
    atMost("stock rows written", shape.stockRowsWritten, 2.2),
    atMost("queue operations", usage.queueOperations, 0.2),
    atMost("feed calls for an absent customer", shape.feedCalls, 0),
    atMost("dollars a million", dollars(usage), 9),
  ];
}
