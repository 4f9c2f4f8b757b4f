import pMap from "p-map";
import type { LiveLock, StockApi } from "../../contract/stock-api.ts";

/** Reads the live locks of all items, in groups. */

/** Items by SKU, and within an item its locks by order id. */
export interface LockCursor {
  phase: "locks";
  sku: string;
  /** '': with the item behind this one. */
  after: string;
}

interface LockPorts {
  db: D1Database;
  stock: Pick<StockApi, "liveLocks">;
}

/** Items of a group, which are read at the same time. One with a second page ends it. */
const ITEMS_PER_GROUP = 50;
const CONCURRENCY = 12;

export interface LockAt {
  sku: string;
  lock: LiveLock;
}

export interface LockGroup {
  locks: LockAt[];
  pages: number;
  next: LockCursor | null;
}

/** Reads the next page of an item, or the first page of the items behind it. */
export async function readLockGroup(
  { sku: from, after }: LockCursor,
  { db, stock }: LockPorts,
): Promise<LockGroup> {
  const skus = after === "" ? await skusAfter(db, from) : [from];
  const read = await pMap(skus, async (sku) => ({ sku, ...(await stock.liveLocks(sku, after)) }), {
    concurrency: CONCURRENCY,
  });
  // Those behind an item with a further page are read again when it is done.
  const partial = read.findIndex(({ next }) => next !== null);
  const used = partial < 0 ? read : read.slice(0, partial + 1);
  const locks = used.flatMap(({ sku, locks: own }) => own.map((lock) => ({ sku, lock })));
  const last = used.at(-1);
  const isEnd = after === "" && partial < 0 && skus.length < ITEMS_PER_GROUP;
  const next: LockCursor | null =
    isEnd || !last ? null : { phase: "locks", sku: last.sku, after: last.next ?? "" };
  return { locks, pages: read.length, next };
}

async function skusAfter(db: D1Database, sku: string): Promise<string[]> {
  const { results } = await db
    .prepare(`SELECT sku FROM items WHERE sku > ? ORDER BY sku LIMIT ${ITEMS_PER_GROUP}`)
    .bind(sku)
    .all<{ sku: string }>();
  return results.map((row) => row.sku);
}
