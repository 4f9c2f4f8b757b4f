import { startEpoch } from "../order/changes.sql.ts";
import { type OrderRow, orderFromRow } from "../order/order-queries.sql.ts";
import { paymentFromRow } from "../order/payment-queries.sql.ts";
import {
  BEGINNING,
  type Change,
  type ChangedItem,
  type ChangeType,
  cursorOf,
  type Position,
} from "./change.ts";

/** The reads of the table `changes`. `order/changes.sql.ts` writes it. */

/** Changes of one page, and of its orders, payments and items as stored: one change is always in. */
export const MAX_CHANGES = 500;
const MAX_PAGE_BYTES = 1_000_000;

export interface ChangePage {
  changes: Change[];
  epoch: string;
  /** Where to go on, also when there is nothing yet. */
  next: Position;
  /** There are more changes behind this page. */
  hasMore: boolean;
}

/** Why a position cannot be continued: the rows after it are deleted, or it is of another epoch. */
export type ChangesReset = "reset";

interface ListedRow extends OrderRow {
  change_id: number;
  change_at: number;
  change_index: number;
  is_last: 0 | 1;
  entry: string;
  payment: string | null;
  item: string | null;
}

const SIZE = `length(CAST(coalesce(o.lines, '') || coalesce(o.metadata, '') || coalesce(o.shortages, '') AS BLOB))`;

/** Entries from the row `?1`, of that row from the index `?2` on, with what they are about. */
const SELECT_LISTED = `
  WITH listed AS (
    SELECT c.id AS change_id, c.at AS change_at, e.key AS change_index, e.value AS entry,
      e.key = json_array_length(c.entries) - 1 AS is_last
    FROM changes AS c, json_each(c.entries) AS e
    WHERE c.id >= ?1 AND (c.id > ?1 OR e.key >= ?2)
    ORDER BY c.id, e.key LIMIT ?3)
  SELECT * FROM (
    SELECT listed.*, o.*,
      (SELECT json_object('id', p.id, 'reference', p.reference, 'order_id', p.order_id,
          'amount', p.amount, 'currency', p.currency, 'state', p.state, 'why', p.why,
          'successor_id', p.successor_id, 'received_at', p.received_at, 'actor', p.actor)
        FROM payments AS p
        WHERE entry->>0 GLOB 'payment.*' AND p.id = CAST(entry->>1 AS INTEGER)) AS payment,
      (SELECT json_object('sku', i.sku, 'name', i.name, 'available', i.available) FROM items AS i
        WHERE entry->>0 GLOB 'item.*' AND i.sku = entry->>1) AS item,
      ${SIZE} AS own_bytes, sum(${SIZE}) OVER (ORDER BY change_id, change_index) AS bytes
    FROM listed LEFT JOIN orders AS o ON entry->>0 GLOB 'order.*' AND o.id = entry->>1)
  WHERE bytes - own_bytes < ${MAX_PAGE_BYTES}
  ORDER BY change_id, change_index`;

/**
 * The next changes after a position, in the order of commits. Without a position it starts at the
 * oldest change that is kept. `epoch`: of the cursor that named the position.
 */
export async function readChanges(
  db: D1Database,
  from: { position: Position; epoch: string } | null,
  limit: number,
): Promise<ChangePage | ChangesReset> {
  const { row, index } = from?.position ?? BEGINNING;
  const start = index === null ? { row: row + 1, index: 0 } : { row, index };
  const [kept, found] = await db.batch([
    db.prepare(
      `SELECT epoch, (SELECT min(id) FROM changes) AS oldest, (SELECT max(id) FROM changes) AS newest
       FROM change_epoch`,
    ),
    db.prepare(SELECT_LISTED).bind(start.row, start.index, Math.min(limit, MAX_CHANGES)),
  ]);
  const [first] = (kept?.results ?? []) as Kept[];
  if (first === undefined) {
    await startEpoch(db);
    return readChanges(db, from, limit);
  }
  const { epoch, oldest, newest } = first;
  if (from !== null) {
    const isAhead = row > (newest ?? 0);
    const isPruned = oldest !== null && start.row < oldest;
    if (from.epoch !== epoch || isAhead || isPruned) return "reset";
  }
  const changes = ((found?.results ?? []) as ListedRow[]).map(changeFromRow);
  const page = { changes, epoch, next: changes.at(-1)?.position ?? { row, index } };
  const hasMore = page.next.row < (newest ?? 0) || page.next.index !== null;
  return { ...page, hasMore: changes.length > 0 && hasMore };
}

interface Kept {
  epoch: string;
  oldest: number | null;
  newest: number | null;
}

/** The cursor after the newest change. */
export async function newestCursor(db: D1Database): Promise<string> {
  const row = await db
    .prepare("SELECT epoch, (SELECT max(id) FROM changes) AS newest FROM change_epoch")
    .first<Pick<Kept, "epoch" | "newest">>();
  if (row) return cursorOf(row.epoch, { row: row.newest ?? 0, index: null });
  await startEpoch(db);
  return newestCursor(db);
}

/** The id of the newest row; 0: there is none. */
export async function newestChange(db: D1Database): Promise<number> {
  const row = await db.prepare("SELECT max(id) AS newest FROM changes").first<{ newest: number }>();
  return row?.newest ?? 0;
}

function changeFromRow(row: ListedRow): Change {
  const { change_id, change_at, change_index, is_last, payment, item } = row;
  const [type, subject, revision] = JSON.parse(row.entry) as [ChangeType, string, number];
  const common = {
    id: `${change_id}_${change_index}`,
    at_ms: change_at,
    position: { row: change_id, index: is_last === 1 ? null : change_index + 1 },
  };
  if (isOf(type, "order.")) {
    const order = row.id === null ? null : orderFromRow(row);
    return { ...common, type, orderId: subject, revision, order };
  }
  if (isOf(type, "payment.")) {
    return {
      ...common,
      type,
      payment: payment === null ? null : paymentFromRow(JSON.parse(payment)),
    };
  }
  const changed = item === null ? null : (JSON.parse(item) as ChangedItem);
  return { ...common, type, sku: subject, item: changed };
}

const isOf = <P extends string>(
  type: ChangeType,
  prefix: P,
): type is Extract<ChangeType, `${P}${string}`> => type.startsWith(prefix);
