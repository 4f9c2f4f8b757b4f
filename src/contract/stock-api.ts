import type { OrderEvent } from "./order-events.ts";
import type { Level, StockEvent, VersionedLevel } from "./stock-events.ts";

/** A change of stock by an operator. `delta` in units; positive receives, negative takes away. */
export interface Adjustment {
  /** Makes a repeat safe: the first answer for an id, a refusal too, is repeated. 1–255 characters. */
  operationId: string;
  delta: number;
  reason: string;
}

/** Set on the answer to a repeat: nothing was done now, and the level is that of the first answer. */
interface Repeatable {
  isReplay?: true;
}

export type AdjustResult =
  | ({ ok: true } & VersionedLevel & Repeatable)
  | ({ ok: false; code: "insufficient_available"; level: Level } & Repeatable)
  /** Another request, with another delta or reason, has this operation id. */
  | { ok: false; code: "operation_reused" };

/** One entry of an item's append-only ledger. `quantity` is signed for receive and adjust. */
export interface Movement {
  seq: number;
  kind: "opening" | "receive" | "adjust" | "lock" | "release" | "commit";
  quantity: number;
  orderId: string | null;
  operationId: string | null;
  reason: string | null;
  at: string;
  /** How the item stood after it. */
  balance: Omit<Level, "sku">;
}

export interface LedgerPage {
  movements: Movement[];
  /** Pass as `before` for the next, older page; null at the end. */
  next: number | null;
}

/** A lock that holds units: not yet released, or sold. */
export interface LiveLock {
  orderId: string;
  quantity: number;
  state: "held" | "sold";
}

export interface LockStates {
  locks: LiveLock[];
  /** Of older orders the item may have forgotten sold locks. Milliseconds since 1970. */
  watermark_ms: number;
}

/** The lane: what the stock Worker answers by RPC. Everything in it is idempotent. */
export interface StockApi {
  /**
   * Does at once what the queue would do with these events (at most `MAX_ORDERS_PER_LANE_CALL`).
   * Answers within `within_ms`; an order without an outcome then is undecided: ask again.
   */
  execute(events: OrderEvent[], within_ms: number): Promise<StockEvent[]>;
  adjust(sku: string, adjustment: Adjustment): Promise<AdjustResult>;
  /** Levels from the objects themselves (at most `MAX_SKUS_PER_LEVELS_CALL`); what failed is left out. */
  levels(skus: string[]): Promise<VersionedLevel[]>;
  /** The live locks of these orders (at most `MAX_ORDERS_PER_LANE_CALL`). */
  lockStates(sku: string, orderIds: string[]): Promise<LockStates>;
  /** Live locks in the order of their order ids; `next` goes on after, null at the end. */
  liveLocks(sku: string, after: string): Promise<{ locks: LiveLock[]; next: string | null }>;
  /** Newest first; `limit` is clamped to 1–100. */
  ledger(sku: string, page: { before: number | null; limit: number }): Promise<LedgerPage>;
}
