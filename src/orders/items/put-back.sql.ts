import type { VersionedLevel } from "../../contract/stock-events.ts";
import type { DueLevel } from "./due-levels.sql.ts";

/**
 * Items whose storage was put back to an earlier state, or is gone. Such an item tells an older version
 * of its level at a later time, or one that overtook what D1 knows in a life of its own, which began
 * below that. Told twice, the read model follows it, and the reconciler pauses it.
 */

/** Of two levels of one item: later by more than its clock may be off when the object has moved. */
const LATER_MS = 1_000;

/**
 * On a row of `items` and a level `l` of it: it does not come after what D1 knows. Older in version, or of
 * an incarnation that began below the version that another one has told.
 */
export const IS_FORKED = `(l.version < items.level_version
  OR coalesce(l.from_version < items.incarnation_version AND l.incarnation <> items.incarnation, 0))`;

/** The same of a level that was read, and of what D1 knew before. */
export function isForked(
  { levelVersion, incarnation }: VersionedLevel,
  known: Pick<DueLevel, "levelVersion" | "incarnation" | "incarnationVersion">,
): boolean {
  if (levelVersion < known.levelVersion) return true;
  if (incarnation === undefined || known.incarnation === null) return false;
  return incarnation.fromVersion < known.incarnationVersion && incarnation.id !== known.incarnation;
}

/** And newer in time. */
export const IS_BEHIND = `(${IS_FORKED} AND l.at > coalesce(items.level_at, 0) + ${LATER_MS})`;

/** For the second time: one answer could be that of an object that is about to end. */
export const IS_PUT_BACK = `(${IS_BEHIND} AND items.behind_at IS NOT NULL AND l.at > items.behind_at + ${LATER_MS})`;

/** The value of a level's column, unless the level is only suspected to be of an item that was put back. */
export const FOLLOWED = (column: string, own = column): string =>
  `iif(${IS_BEHIND} AND NOT ${IS_PUT_BACK}, items.${column}, l.${own})`;

/** Items of one round. */
const MAX_ITEMS = 100;

/** Items that were put back and still take orders. */
export async function unpausedPutBack(db: D1Database): Promise<string[]> {
  const { results } = await db
    .prepare(
      `SELECT sku FROM items INDEXED BY items_put_back
       WHERE put_back_at IS NOT NULL AND paused = 0 ORDER BY sku LIMIT ${MAX_ITEMS}`,
    )
    .all<{ sku: string }>();
  return results.map(({ sku }) => sku);
}

/** How many there are, since when, and one of them. */
export const selectPutBack = (db: D1Database): D1PreparedStatement =>
  db.prepare(
    `SELECT count(*) AS n, min(put_back_at) AS since, min(sku) AS sku
     FROM items INDEXED BY items_put_back WHERE put_back_at IS NOT NULL`,
  );
