import type { Actor } from "./actor.ts";
import type { OrderEvent, Origin } from "./order-events.ts";
import type { Level, SentShortage, StockEvent, VersionedLevel } from "./stock-events.ts";

/** An operator's change of stock. A positive `delta` receives units, a negative one removes them. */
export interface Adjustment {
  /**
   * Makes a repeat safe: the item repeats the first answer, also a refusal. It belongs to the `sub` of
   * `actor`: another's change with it is another change. At least 1 character.
   */
  operationId: string;
  delta: number;
  reason: string;
  /** Who asked for it, for the ledger. Absent in a call of an earlier version. */
  actor?: Actor;
}

/**
 * A count of the shelf. It sets `available + held`, if these are still `expected`: a sale, a delivery
 * or another count in between is noticed, and not undone.
 */
export interface StockCount {
  /** As of an adjustment. */
  operationId: string;
  /** Units counted, without sold units that are not shipped yet. */
  unsold: number;
  /** What `available + held` was when the shelf was counted. */
  expected: number;
  reason: string;
  actor?: Actor;
}

export type StockChange = Adjustment | StockCount;

/** Set on the answer to a repeat. It changes nothing and returns the level of the first answer. */
interface Repeatable {
  isReplay?: true;
}

export type AdjustResult =
  | ({ ok: true } & VersionedLevel & Repeatable)
  | ({
      ok: false;
      /** `stock_changed`: `available + held` is not what a count expects. */
      code: "insufficient_available" | "stock_changed";
      level: Level;
      /** Of a count below what is held: orders that hold units, at most `MAX_AFFECTED`. */
      affected?: string[];
    } & Repeatable)
  /** The operation id belongs to another request, with another delta or reason. */
  | { ok: false; code: "operation_reused" };

/** One entry of an item's append-only ledger. `quantity` has a sign for receive and adjust. */
export interface Movement {
  seq: number;
  kind: "opening" | "receive" | "adjust" | "lock" | "release" | "commit" | "return" | "write_off";
  quantity: number;
  orderId: string | null;
  /** The idempotency key of an adjustment, or the id of a return. */
  operationId: string | null;
  reason: string | null;
  /** Null for what stock does for an order, and in entries of an earlier version. */
  actor: Actor | null;
  at: string;
  /** The item's counters after the movement. */
  balance: Omit<Level, "sku">;
}

export interface LedgerPage {
  movements: Movement[];
  /** The `before` of the next, older page; null on the last page. */
  next: number | null;
}

/** A lock whose units are held or sold, without those that were returned. */
export interface LiveLock {
  orderId: string;
  quantity: number;
  state: "held" | "sold";
}

/** Orders and their units. */
export interface Asked {
  orders: number;
  units: number;
}

/** What an item was asked for, by its newest locks: `MAX_DEMAND_LOCKS` at most. */
export interface ItemDemand {
  /** Of the last 60 minutes those in which an order was placed that came here, oldest first. */
  minutes: {
    /** Since 1970. */
    minute: number;
    /** What was held at first, whatever came of it. */
    locked: Asked;
    refused: Asked;
  }[];
  /** There were more orders in that time: the earliest of them are not counted. */
  isPart: boolean;
  /** Of sold units without the returned ones, at the prices at which they were ordered. */
  revenue: { currency: string; amount: number; units: number }[];
  /**
   * Sold units that `revenue` lacks: an earlier version kept no price, or their order is older than
   * the newest `MAX_DEMAND_LOCKS` or was pruned.
   */
  unitsWithoutPrice: number;
}

export interface LockStates {
  locks: LiveLock[];
  /** The item may have pruned the sold locks of orders older than this. Milliseconds since 1970. */
  watermark_ms: number;
}

/** What an item has decided for an order, whatever came of it. */
export interface StoredDecision {
  orderId: string;
  /** Null: a release that arrived before its lock. */
  customerId: string | null;
  quantity: number;
  state: "held" | "sold" | "refused" | "released";
  /** Of the sold units, those that came back. */
  returned: number;
  shortage: Omit<SentShortage, "sku"> | null;
  /** Null: an earlier version kept none. */
  origin: Origin | null;
}

/** A lock that an item has lost and is to take again. */
export interface Relock {
  orderId: string;
  customerId: string;
  quantity: number;
  state: "held" | "sold";
  origin: Origin;
}

/** Ends or resumes the granting of locks at an item. */
export interface PauseChange {
  isPaused: boolean;
  /** Who asked for it, for operators to see. */
  actor: Actor;
}

/** The level as the item itself tells it when it is asked. */
export interface ReadLevel extends VersionedLevel {
  /** The last pause or resumption; null: there was none. Absent: an earlier version. */
  pauseChange?: { at: string; actor: Actor } | null;
}

export interface SkuChange {
  sku: string;
  change: StockChange;
}

/** Orders that one answer names as affected. */
export const MAX_AFFECTED = 100;

/** Whose name the item has to forget. */
export interface Erasure {
  customerId: string;
  /** The name that takes its place. */
  erasedId: string;
  /** The customer's orders, at most `MAX_ORDERS_PER_LANE_CALL`. */
  orderIds: string[];
  /**
   * Of orders between these ids the item itself finds the customer's: D1 has pruned them. Absent: an
   * earlier version.
   */
  pruned?: { after: string; before: string };
}

/** An order whose customer was erased, and the name that has taken the customer's place. */
export interface ErasedOrder {
  orderId: string;
  erasedId: string;
}

/** The lane: the RPC interface of the stock Worker. Every method is idempotent. */
export interface StockApi {
  /**
   * Handles at most `MAX_ORDERS_PER_LANE_CALL` events as the queue consumer would, and returns
   * within `within_ms`. An order without an outcome is undecided: the caller repeats its event, and
   * after `stock.breached` much later.
   */
  execute(events: OrderEvent[], within_ms: number): Promise<StockEvent[]>;
  adjust(sku: string, change: StockChange): Promise<AdjustResult>;
  /**
   * At most `MAX_ADJUSTMENTS_PER_CALL` changes, each of another item; one result each, in their order.
   * Null: the item did not answer, and a repeat with the same operation id shows what it did.
   */
  adjustMany(changes: readonly SkuChange[]): Promise<(AdjustResult | null)[]>;
  /**
   * Once it has answered, a paused item refuses every new lock; what it holds and has sold goes on. A
   * repeat changes nothing.
   */
  setPaused(sku: string, change: PauseChange): Promise<ReadLevel>;
  /**
   * Gives the locks of these orders, and the customer's counted units, another customer id. Returns the
   * `after` of the next page of `pruned`; null: there is none.
   */
  eraseCustomer(sku: string, erasure: Erasure): Promise<string | null>;
  /** At most `MAX_SKUS_PER_LEVELS_CALL` levels from the items, without those that cannot be read. */
  levels(skus: string[]): Promise<ReadLevel[]>;
  /** The live locks of at most `MAX_ORDERS_PER_LANE_CALL` orders. */
  lockStates(sku: string, orderIds: string[]): Promise<LockStates>;
  /** Live locks by order id. `next` is the `after` of the next page; null on the last page. */
  liveLocks(sku: string, after: string): Promise<{ locks: LiveLock[]; next: string | null }>;
  /** Every SKU that ever had stock, after one. `next` is the `after` of the next page. */
  skus(after: string): Promise<{ skus: string[]; next: string | null }>;
  /** All decisions of an item for orders after one, by order id. */
  decisions(
    sku: string,
    after: string,
  ): Promise<{ decisions: StoredDecision[]; next: string | null }>;
  /** The item's orders after one whose customers were erased, by order id. */
  erasures(sku: string, after: string): Promise<{ orders: ErasedOrder[]; next: string | null }>;
  /** The decisions of an item for at most `MAX_ORDERS_PER_LANE_CALL` orders. */
  decisionsFor(sku: string, orderIds: string[]): Promise<StoredDecision[]>;
  /**
   * Takes the units of at most `MAX_ORDERS_PER_LANE_CALL` orders again, in their order and as far as
   * they go, also while the item is paused. Returns the ids of the orders that have theirs.
   */
  relock(sku: string, locks: Relock[]): Promise<string[]>;
  /** Newest first; `limit` is clamped to 1–100. */
  ledger(sku: string, page: { before: number | null; limit: number }): Promise<LedgerPage>;
  /** As of a moment ago: an item answers all who ask within two seconds alike. */
  demand(sku: string): Promise<ItemDemand>;
}
