import type { Request } from "./request.ts";
import { type CallOptions, pause } from "./retry.ts";
import type { Order, Payment } from "./types.ts";

/** How long the server holds its answer while there is nothing new. */
const WAIT_S = 10;
/** Between two empty answers that the server has not held: it does not hold too many at a time. */
const PAUSE_MS = 2_000;
/** How long a reader goes on without any answer. */
const PATIENCE_MS = 3_600_000;

export type OrderStep = "placed" | "confirmed" | "extended" | "paid" | "cancelled" | "returned";
export type PaymentStep = "waiting" | "applied" | "unmatched" | "refunded";

/** An item as a change shows it. */
export interface ChangedItem {
  sku: string;
  name: string;
  available: number;
}

interface ChangeHead {
  /** Where to go on after this change: store it once the change is handled. */
  cursor: string;
  at: string;
}

/**
 * A step of an order or a payment, or an item that sold out or came back. `order`, `payment` and
 * `item` are as they stand now; null: deleted since. `revision` is the one that the step made, of
 * which the order may have a later one.
 */
export type Change =
  | (ChangeHead & {
      type: `order.${OrderStep}`;
      orderId: string;
      revision: number;
      order: Order | null;
    })
  | (ChangeHead & { type: `payment.${PaymentStep}`; payment: Payment | null })
  | (ChangeHead & {
      type: "item.sold_out" | "item.back_in_stock";
      sku: string;
      item: ChangedItem | null;
    });

export interface ChangePage {
  changes: Change[];
  /** Where to go on, also when there was nothing. */
  nextCursor: string;
}

export interface ChangesOptions extends CallOptions {
  /** The cursor after which to go on. Without one, the reading starts at the oldest change. */
  after?: string | undefined;
  /** Changes in one answer of the server, at most 500; default 100. */
  limit?: number | undefined;
}

/** Goes on for ever: each answer's `nextCursor` is the next call's `after`. */
export async function* readChanges(
  request: Request,
  { after, limit, timeout_ms = PATIENCE_MS, ...options }: ChangesOptions,
): AsyncGenerator<Change, never, undefined> {
  for (let cursor = after; ;) {
    const query = { after: cursor, limit };
    const asked_ms = Date.now();
    const page: ChangePage = await request("GET", "/v1/changes", {
      query,
      wait_s: WAIT_S,
      timeout_ms,
      ...options,
    });
    yield* page.changes;
    cursor = page.nextCursor;
    const isHeld = page.changes.length > 0 || Date.now() - asked_ms >= PAUSE_MS;
    if (!isHeld) await pause(PAUSE_MS, options.signal);
  }
}
