import type { Request } from "./request.ts";
import type { CallOptions } from "./retry.ts";
import type { Item, Order, Payment } from "./types.ts";

/** How long the server holds its answer while there is nothing new. */
const WAIT_S = 10;
/** How long a reader goes on without any answer. */
const PATIENCE_MS = 3_600_000;

interface ChangeHead<Type extends string> {
  /** Where to go on after this change: store it once the change is handled. */
  cursor: string;
  type: Type;
  at: string;
}

export type OrderStep = "placed" | "confirmed" | "extended" | "paid" | "cancelled" | "returned";
export type PaymentStep = "waiting" | "applied" | "unmatched" | "refunded";

/** A step of an order or a payment, or an item that sold out or came back, as it stands now. */
export type Change =
  | (ChangeHead<`order.${OrderStep}`> & { order: Order })
  | (ChangeHead<`payment.${PaymentStep}`> & { payment: Payment })
  | (ChangeHead<"item.sold_out" | "item.back_in_stock"> & { item: Item });

export interface ChangePage {
  changes: Change[];
  /** Where to go on, also when there was nothing. */
  nextCursor: string;
}

export interface ChangesOptions extends CallOptions {
  /** The cursor after which to go on. Without one, the reading starts at the oldest change. */
  after?: string | undefined;
  /** Changes in one answer of the server, at most 100. */
  limit?: number | undefined;
}

/** Goes on for ever: each answer's `nextCursor` is the next call's `after`. */
export async function* readChanges(
  request: Request,
  { after, limit, timeout_ms = PATIENCE_MS, ...options }: ChangesOptions,
): AsyncGenerator<Change, never, undefined> {
  for (let cursor = after; ;) {
    const query = { after: cursor, limit };
    const page: ChangePage = await request("GET", "/v1/changes", {
      query,
      wait_s: WAIT_S,
      timeout_ms,
      ...options,
    });
    yield* page.changes;
    cursor = page.nextCursor;
  }
}
