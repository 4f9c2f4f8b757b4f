import type { VersionedLevel } from "../../contract/stock-events.ts";
import type { Policy } from "../config/policy.ts";
import { listChanges, NEXT_CHANGE } from "../order/changes.sql.ts";
import { type ItemRow, itemFromRow } from "./item-queries.sql.ts";
import type { ItemDetails, StoredItem } from "./item.ts";
import { NEW_LEVEL_TRUST_MS } from "./level-trust.ts";
import { FOLLOWED, IS_BEHIND, IS_FORKED, IS_PUT_BACK } from "./put-back.sql.ts";

/** The table `items`: the catalogue, which operators write, and the read model of the levels. */

/** What has to be true of the item when it is written (RFC 9110, 13.1). */
export interface Precondition {
  /** The item has one of these revisions; "any": it exists. Null: whatever it is. */
  ifRevision: readonly number[] | "any" | null;
  /** There is no such item, or it is archived. */
  ifAbsent: boolean;
}

export const ALWAYS: Precondition = { ifRevision: null, ifAbsent: false };

export interface Written {
  /** As it is now; null: there is no such item. */
  item: StoredItem | null;
  /** As it was before. */
  before: StoredItem | null;
  /** Whether the precondition held. If not, nothing was written. */
  isAllowed: boolean;
}

/** `?1` SKU, `?2` revisions as JSON or null, `?3` whether any will do, `?4` whether it must be absent. */
const HOLDS = `(?2 IS NULL OR EXISTS (SELECT 1 FROM items WHERE sku = ?1 AND archived_at IS NULL
    AND (?3 OR revision IN (SELECT value FROM json_each(?2)))))
  AND (NOT ?4 OR NOT EXISTS (SELECT 1 FROM items WHERE sku = ?1 AND archived_at IS NULL))`;

function conditionValues(sku: string, { ifRevision, ifAbsent }: Precondition) {
  const isAny = ifRevision === "any";
  const revisions = ifRevision === null ? null : JSON.stringify(isAny ? [] : ifRevision);
  return [sku, revisions, isAny ? 1 : 0, ifAbsent ? 1 : 0] as const;
}

/**
 * Judges the precondition and writes in one transaction, so that of two operators who have read the
 * same revision only one writes.
 */
async function writeIf(
  db: D1Database,
  sku: string,
  precondition: Precondition,
  write: (condition: readonly unknown[]) => D1PreparedStatement,
): Promise<Written> {
  const condition = conditionValues(sku, precondition);
  const one = db.prepare("SELECT * FROM items WHERE sku = ?").bind(sku);
  const [holds, before, , after] = await db.batch([
    db.prepare(`SELECT (${HOLDS}) AS holds`).bind(...condition),
    one,
    write(condition),
    one,
  ]);
  const itemOf = (result: D1Result | undefined) => {
    const row = result?.results[0];
    return row === undefined ? null : itemFromRow(row as ItemRow);
  };
  const isAllowed = (holds?.results[0] as { holds: number } | undefined)?.holds === 1;
  return { item: itemOf(after), before: itemOf(before), isAllowed };
}

/** Columns that an operator writes, as parameters from `?5` on. */
const DETAILS = [
  "name",
  "price_amount",
  "price_currency",
  "limit_per_customer",
  "payment_window_ms",
  "sale_starts_at",
  "sale_ends_at",
  "status",
] as const;
const VALUES = DETAILS.map((_, i) => `?${i + 5}`).join(", ");
const REPLACED = DETAILS.map((column) => `${column} = excluded.${column}`).join(", ");
const CHANGED = DETAILS.map((column) => `items.${column} IS NOT excluded.${column}`).join(" OR ");

/**
 * Creates an item, replaces its details and keeps its stock, or brings an archived one back. Writing
 * the details that it has raises no revision.
 */
export function putItem(
  db: D1Database,
  sku: string,
  details: ItemDetails,
  precondition: Precondition,
  now_ms: number,
): Promise<Written> {
  const columns = columnsOf(details);
  return writeIf(db, sku, precondition, (condition) =>
    db
      .prepare(
        `INSERT INTO items (sku, ${DETAILS.join(", ")}, updated_at)
         SELECT ?1, ${VALUES}, ?13 WHERE ${HOLDS}
         ON CONFLICT (sku) DO UPDATE SET ${REPLACED}, archived_at = NULL, revision = revision + 1, updated_at = excluded.updated_at
         WHERE items.archived_at IS NOT NULL OR ${CHANGED}`,
      )
      .bind(...condition, ...DETAILS.map((column) => columns[column]), now_ms),
  );
}

/** Columns of an item in a JSON list. */
const LISTED = DETAILS.map((column) => `value->>'${column}'`).join(", ");

/**
 * Creates items, or replaces their details, as `putItem` does, in one transaction. No SKU may be there
 * twice. Returns the SKUs that were created.
 */
export async function putItems(
  db: D1Database,
  items: readonly { sku: string; details: ItemDetails }[],
  now_ms: number,
): Promise<Set<string>> {
  if (items.length === 0) return new Set();
  const rows = items.map(({ sku, details }) => ({ sku, ...columnsOf(details) }));
  const json = JSON.stringify(rows);
  const [before] = await db.batch<{ sku: string }>([
    db
      .prepare("SELECT i.sku FROM json_each(?) AS e JOIN items AS i ON i.sku = e.value->>'sku'")
      .bind(json),
    db
      .prepare(
        `INSERT INTO items (sku, ${DETAILS.join(", ")}, updated_at)
         SELECT value->>'sku', ${LISTED}, ?2 FROM json_each(?1) WHERE true
         ON CONFLICT (sku) DO UPDATE SET ${REPLACED}, archived_at = NULL, revision = revision + 1, updated_at = excluded.updated_at
         WHERE items.archived_at IS NOT NULL OR ${CHANGED}`,
      )
      .bind(json, now_ms),
  ]);
  const known = new Set(before?.results.map(({ sku }) => sku));
  return new Set(items.map(({ sku }) => sku).filter((sku) => !known.has(sku)));
}

/** The columns of `DETAILS`. */
const columnsOf = (details: ItemDetails): Record<(typeof DETAILS)[number], unknown> => ({
  name: details.name,
  price_amount: details.price.amount,
  price_currency: details.price.currency,
  limit_per_customer: details.limitPerCustomer,
  payment_window_ms: details.paymentWindowSeconds && details.paymentWindowSeconds * 1_000,
  sale_starts_at: details.saleStartsAt && Date.parse(details.saleStartsAt),
  sale_ends_at: details.saleEndsAt && Date.parse(details.saleEndsAt),
  status: details.status,
});

/** Archives an item: it is neither shown nor orderable. Its open orders and its stock go on. */
export function archiveItem(
  db: D1Database,
  sku: string,
  precondition: Precondition,
  now_ms: number,
): Promise<Written> {
  return writeIf(db, sku, precondition, (condition) =>
    db
      .prepare(
        `UPDATE items SET archived_at = ?5, revision = revision + 1, updated_at = ?5
         WHERE sku = ?1 AND archived_at IS NULL AND ${HOLDS}`,
      )
      .bind(...condition, now_ms),
  );
}

/**
 * Writes levels into the read model; an older version never replaces a newer one. Writing the same
 * version again confirms the level, so that the sold-out gate goes on trusting it. The confirmation
 * counts from the time at which the item read the level (`at`), not from now. A new level is trusted for
 * a short time only: what the item does next may be lost. An item of an earlier version does not say whether it is
 * paused, and stays as it was. An item that was put back is followed (put-back.sql.ts).
 */
export function applyLevels(
  db: D1Database,
  levels: readonly VersionedLevel[],
  now_ms: number,
): D1PreparedStatement {
  const rows = newest(levels).map((level) => ({ ...level, at_ms: Date.parse(level.at) }));
  return db
    .prepare(
      `UPDATE items SET received = ${FOLLOWED("received")},
         available = ${FOLLOWED("available")},
         held = ${FOLLOWED("held")}, sold = ${FOLLOWED("sold")}, breaches = ${FOLLOWED("breaches")},
         level_version = ${FOLLOWED("level_version", "version")},
         incarnation = coalesce(${FOLLOWED("incarnation")}, items.incarnation),
         incarnation_version = iif(l.incarnation IS NULL, items.incarnation_version,
           ${FOLLOWED("incarnation_version", "version")}),
         paused = coalesce(${FOLLOWED("paused")}, items.paused),
         level_at = max(coalesce(level_at, 0), min(l.at, ?2)),
         level_trust = iif(items.level_version = l.version, items.level_trust, ${NEW_LEVEL_TRUST_MS}),
         changed_in = iif((items.available = 0) IS (${FOLLOWED("available")} = 0), items.changed_in, ${NEXT_CHANGE}),
         put_back_at = iif(${IS_PUT_BACK}, ?2, put_back_at),
         behind_at = iif(${IS_BEHIND} AND NOT ${IS_PUT_BACK}, coalesce(behind_at, l.at), NULL)
       FROM (SELECT value->>'$.level.sku' AS sku, value->>'$.level.received' AS received,
               value->>'$.level.available' AS available, value->>'$.level.held' AS held,
               value->>'$.level.sold' AS sold, value->>'$.levelVersion' AS version,
               value->>'$.breaches' AS breaches, value->>'$.paused' AS paused,
               value->>'$.incarnation.id' AS incarnation,
               value->>'$.incarnation.fromVersion' AS from_version,
               value->>'$.at_ms' AS at
             FROM json_each(?1)) AS l
       WHERE items.sku = l.sku AND (NOT ${IS_FORKED} OR ${IS_BEHIND})`,
    )
    .bind(JSON.stringify(rows), now_ms);
}

/** Writes levels in a transaction of their own, with the items that they show sold out or back. */
export async function storeLevels(
  db: D1Database,
  policy: Policy,
  levels: readonly VersionedLevel[],
  now_ms: number,
): Promise<void> {
  const skus = levels.map(({ level }) => level.sku);
  await db.batch([applyLevels(db, levels, now_ms), ...listChanges(db, policy, { skus }, now_ms)]);
}

/** An operator has looked at an item that was put back, and resumes it. */
export const clearPutBack = (db: D1Database, sku: string): D1PreparedStatement =>
  db
    .prepare("UPDATE items SET put_back_at = NULL WHERE sku = ? AND put_back_at IS NOT NULL")
    .bind(sku);

/** What an order says of an item that the catalogue has lost. */
export interface Draft {
  sku: string;
  name: string;
  /** In minor units. */
  amount: number;
  currency: string;
}

/** Adds an item that the catalogue has lost, as a draft: an operator lists it. */
export const insertDraft = (
  db: D1Database,
  { sku, name, amount, currency }: Draft,
  now_ms: number,
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO items (sku, name, price_amount, price_currency, status, updated_at)
       VALUES (?, ?, ?, ?, 'draft', ?) ON CONFLICT (sku) DO NOTHING`,
    )
    .bind(sku, name, amount, currency, now_ms);

/** An item that has told again what D1 knows. */
export interface Confirmation {
  sku: string;
  levelVersion: number;
  at: string;
  /** How long this is trusted. */
  trust_ms: number;
}

/**
 * Notes that items have told the same again, unless D1 has heard of a newer level meanwhile. Writes
 * one row each: it leaves alone what an index is made of.
 */
export async function confirmLevels(
  db: D1Database,
  confirmations: readonly Confirmation[],
  now_ms: number,
): Promise<void> {
  if (confirmations.length === 0) return;
  const rows = confirmations.map((one) => ({ ...one, at_ms: Date.parse(one.at) }));
  await db
    .prepare(
      `UPDATE items SET level_at = max(coalesce(level_at, 0), min(l.at, ?2)), level_trust = l.trust,
         behind_at = NULL
       FROM (SELECT value->>'sku' AS sku, value->>'levelVersion' AS version,
               value->>'at_ms' AS at, value->>'trust_ms' AS trust FROM json_each(?1)) AS l
       WHERE items.sku = l.sku AND items.level_version = l.version`,
    )
    .bind(JSON.stringify(rows), now_ms)
    .run();
}

/** The newest level of each SKU: an UPDATE that joins a row twice would apply an arbitrary one. */
function newest(levels: readonly VersionedLevel[]): VersionedLevel[] {
  const bySku = new Map<string, VersionedLevel>();
  for (const level of levels) {
    const known = bySku.get(level.level.sku);
    if (!known || known.levelVersion < level.levelVersion) bySku.set(level.level.sku, level);
  }
  return [...bySku.values()];
}
