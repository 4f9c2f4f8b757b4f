import type { Actor } from "../../contract/actor.ts";
import { chunksOf } from "../../contract/chunks.ts";
import { MAX_LOCKS_PER_SCAN } from "../../contract/limits.ts";
import type { Erasure } from "../../contract/stock-api.ts";
import type { Incarnation } from "../../contract/stock-events.ts";
import { CustomerUnits } from "./customer-units.ts";
import { Demand } from "./demand.ts";
import { Ledger } from "./ledger.ts";
import { LockPages } from "./lock-pages.ts";
import { Requests } from "./requests.ts";
import type { Counters, Lock } from "./rules.ts";
import { type ItemRow, type LockRow, migrate, type OriginRow } from "./schema.ts";

/** The tables `item` and `locks` of one stock item, in the SQLite of its Durable Object. */

export interface ItemState extends Counters {
  sku: string;
  levelVersion: number;
  breaches: number;
  /** Whether the item counts each customer's units. It does from the first command with a limit on. */
  countsCustomers: boolean;
  /** Locks of orders older than this may have been pruned. */
  watermark_ms: number;
  pruneCursor: string;
  pruneAt_ms: number;
  /** New locks are refused. */
  isPaused: boolean;
  /** The last pause or resumption; null: there was none. */
  pauseChange: { at_ms: number; actor: Actor } | null;
  /** Whether the index of items has this one. */
  isListed: boolean;
  /** Not stored: a new one with each start of the object. */
  incarnation: Incarnation;
}

/**
 * Locks in one statement, by number and by characters of JSON: in any script below the 2 MB of a bound
 * value (Durable Objects limits).
 */
const STATEMENT = { count: 1_000, size: 500_000 };
/** Characters of a lock's JSON besides its origin, with room to spare. */
const LOCK_SIZE = 500;

/** A lock without its origin, which is large and which only recovery reads. */
const LOCK_COLUMNS = "order_id, customer_id, quantity, state, shortage, returned";

/** Characters of hexadecimal: two lives of one item have the same id once in 4,000 million restores. */
const INCARNATION_ID_LENGTH = 8;

/** Locks among which `heldBy` looks: there is no index by state. */
const HELD_SCAN = 10_000;

export class ItemStore {
  readonly ledger: Ledger;
  readonly customers: CustomerUnits;
  readonly requests: Requests;
  readonly demand: Demand;
  readonly pages: LockPages;
  readonly #sql: SqlStorage;
  readonly #incarnation: Incarnation;

  /** To be made once in a life of the object: it is the incarnation. */
  constructor(sql: SqlStorage) {
    this.#sql = sql;
    migrate(sql);
    this.ledger = new Ledger(sql);
    this.customers = new CustomerUnits(sql);
    this.requests = new Requests(sql);
    this.demand = new Demand(sql);
    this.pages = new LockPages(sql);
    const [row] = sql.exec<Pick<ItemRow, "level_version">>("SELECT level_version FROM item");
    const id = crypto.randomUUID().slice(0, INCARNATION_ID_LENGTH);
    this.#incarnation = { id, fromVersion: row?.level_version ?? 0 };
  }

  state(sku: string): ItemState {
    const [row] = this.#sql.exec<ItemRow>("SELECT * FROM item WHERE one = 1");
    return {
      sku: row?.sku ?? sku,
      received: row?.received ?? 0,
      available: row?.available ?? 0,
      held: row?.held ?? 0,
      sold: row?.sold ?? 0,
      levelVersion: row?.level_version ?? 0,
      breaches: row?.breaches ?? 0,
      countsCustomers: row?.counts_customers === 1,
      watermark_ms: row?.watermark_ms ?? 0,
      pruneCursor: row?.prune_cursor ?? "",
      pruneAt_ms: row?.prune_at ?? 0,
      isPaused: row?.paused === 1,
      pauseChange: pauseChangeOf(row),
      isListed: row?.listed === 1,
      incarnation: this.#incarnation,
    };
  }

  /** Leaves columns unchanged that only a newer version knows. */
  save(s: ItemState): void {
    this.#sql.exec(
      `INSERT INTO item (one, sku, received, available, held, sold, level_version,
         breaches, counts_customers, watermark_ms, prune_cursor, prune_at,
         paused, pause_changed_at, pause_changed_by, listed)
       VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (one) DO UPDATE SET received = excluded.received,
         available = excluded.available, held = excluded.held, sold = excluded.sold,
         level_version = excluded.level_version, breaches = excluded.breaches,
         counts_customers = excluded.counts_customers, watermark_ms = excluded.watermark_ms,
         prune_cursor = excluded.prune_cursor, prune_at = excluded.prune_at,
         paused = excluded.paused, pause_changed_at = excluded.pause_changed_at,
         pause_changed_by = excluded.pause_changed_by, listed = excluded.listed`,
      s.sku,
      s.received,
      s.available,
      s.held,
      s.sold,
      s.levelVersion,
      s.breaches,
      s.countsCustomers ? 1 : 0,
      s.watermark_ms,
      s.pruneCursor,
      s.pruneAt_ms,
      s.isPaused ? 1 : 0,
      s.pauseChange?.at_ms ?? null,
      s.pauseChange && JSON.stringify(s.pauseChange.actor),
      s.isListed ? 1 : 0,
    );
  }

  /** The recorded decisions for these orders, by order id, without their origins. */
  locks(orderIds: readonly string[]): Map<string, Lock> {
    const rows = this.#sql.exec<LockRow>(
      `SELECT ${LOCK_COLUMNS} FROM locks WHERE order_id IN (SELECT value FROM json_each(?))`,
      JSON.stringify(orderIds),
    );
    return new Map([...rows].map((row) => [row.order_id, lockFromRow(row)]));
  }

  /** The same with their origins. */
  decisionsFor(orderIds: readonly string[]): Lock[] {
    const rows = this.#sql.exec<OriginRow>(
      `SELECT ${LOCK_COLUMNS}, origin FROM locks WHERE order_id IN (SELECT value FROM json_each(?))`,
      JSON.stringify(orderIds),
    );
    return [...rows].map(decisionFromRow);
  }

  /** Saves in the given order: of two locks for one order the second one stays. */
  saveLocks(locks: readonly Lock[], at_ms: number): void {
    // JSON within JSON: at worst each character has an escape.
    const sizeOf = ({ origin }: Lock) => LOCK_SIZE + 2 * (origin?.length ?? 0);
    for (const chunk of chunksOf(locks, sizeOf, STATEMENT)) {
      this.#sql.exec(
        `INSERT INTO locks (order_id, customer_id, quantity, state, shortage, ended_at, returned, origin,
           price, currency)
         SELECT value->>'orderId', value->>'customerId', value->>'quantity', value->>'state',
           value->>'shortage', iif(value->>'state' = 'held', NULL, CAST(?2 AS INTEGER)),
           value->>'returned', value->>'origin',
           CAST(value->>'$.price.amount' AS INTEGER), value->>'$.price.currency'
         FROM json_each(?1) WHERE true
         ON CONFLICT (order_id) DO UPDATE SET state = excluded.state, ended_at = excluded.ended_at,
           returned = excluded.returned`,
        JSON.stringify(chunk),
        at_ms,
      );
    }
  }

  /** All decisions for orders after an id, in the order of ids. */
  decisionsAfter(after: string, limit: number): Lock[] {
    const rows = this.#sql.exec<OriginRow>(
      `SELECT ${LOCK_COLUMNS}, origin FROM locks WHERE order_id > ? ORDER BY order_id LIMIT ?`,
      after,
      limit,
    );
    return [...rows].map(decisionFromRow);
  }

  /** The oldest and the newest order that has a lock here; null: there is none. */
  span(): { oldest: string; newest: string } | null {
    const [row] = this.#sql.exec<{ oldest: string | null; newest: string | null }>(
      "SELECT min(order_id) AS oldest, (SELECT max(order_id) FROM locks) AS newest FROM locks",
    );
    return row?.oldest && row.newest ? { oldest: row.oldest, newest: row.newest } : null;
  }

  /** Orders that hold units, newest first, among the newest `HELD_SCAN` locks. */
  heldBy(limit: number): string[] {
    const rows = this.#sql.exec<{ id: string }>(
      `SELECT id FROM (SELECT order_id AS id, state FROM locks
         ORDER BY order_id DESC LIMIT ${HELD_SCAN}) WHERE state = 'held' LIMIT ?`,
      limit,
    );
    return [...rows].map(({ id }) => id);
  }

  /** Gives the customer's locks and counted units another customer id. Returns where to go on. */
  eraseCustomer({ customerId, erasedId, orderIds, pruned }: Erasure): string | null {
    const page = pruned && this.pages.ofCustomer(customerId, pruned, MAX_LOCKS_PER_SCAN);
    this.#sql.exec(
      `UPDATE locks SET customer_id = ?2, origin = json_remove(origin, '$.key', '$.keyOwner')
       WHERE customer_id = ?1 AND order_id IN (SELECT value FROM json_each(?3))`,
      customerId,
      erasedId,
      JSON.stringify([...orderIds, ...(page?.orderIds ?? [])]),
    );
    this.customers.rename(customerId, erasedId);
    return page?.next ?? null;
  }

  /** Deletes up to `limit` locks that ended before `cutoff_ms`. Returns the cursor; '' at the end. */
  pruneLocks(cursor: string, floor: string, cutoff_ms: number, limit: number): string {
    const seen = this.#sql
      .exec<{ order_id: string; ended_at: number | null }>(
        `SELECT order_id, ended_at FROM locks WHERE order_id > ? AND order_id < ?
         ORDER BY order_id LIMIT ?`,
        cursor,
        floor,
        limit,
      )
      .toArray();
    for (const { order_id, ended_at } of seen) {
      if (ended_at === null || ended_at >= cutoff_ms) continue;
      this.#sql.exec("DELETE FROM locks WHERE order_id = ?", order_id);
    }
    return seen.length < limit ? "" : (seen.at(-1)?.order_id ?? "");
  }
}

function lockFromRow(row: LockRow): Lock {
  const { order_id: orderId, customer_id: customerId, shortage, quantity, state } = row;
  return {
    orderId,
    customerId,
    quantity,
    state,
    shortage: shortage === null ? null : (JSON.parse(shortage) as Lock["shortage"]),
    returned: row.returned,
  };
}

const decisionFromRow = (row: OriginRow): Lock => ({ ...lockFromRow(row), origin: row.origin });

function pauseChangeOf(row: ItemRow | undefined): ItemState["pauseChange"] {
  if (!row || row.pause_changed_at === null || row.pause_changed_by === null) return null;
  return { at_ms: row.pause_changed_at, actor: JSON.parse(row.pause_changed_by) as Actor };
}
