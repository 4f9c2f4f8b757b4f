import { getItem } from "./item-queries.sql.ts";
import type { ItemDetails } from "./item.ts";
import { type Precondition, putItem, type Written } from "./items.sql.ts";

/** Attempts while others write the same item at the same time. */
const MAX_ATTEMPTS = 5;

export type Patched = Written | "not_found" | "busy";

/**
 * Reads an item, changes its details and writes them if nobody else has written it meanwhile; else
 * once more with what they wrote. With a precondition of the caller's, what others wrote ends it.
 */
export async function patchItem(
  db: D1Database,
  sku: string,
  change: (details: ItemDetails) => ItemDetails,
  { ifRevision, ifAbsent }: Precondition,
): Promise<Patched> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const item = await getItem(db, sku);
    if (!item || item.isArchived) return "not_found";
    const { revision } = item;
    const isOther = Array.isArray(ifRevision) && !ifRevision.includes(revision);
    const isAllowed = !isOther && !ifAbsent;
    if (!isAllowed) return { item, before: item, isAllowed };
    const own = { ifRevision: [revision], ifAbsent: false };
    const written = await putItem(db, sku, change(item.details), own, Date.now());
    if (written.isAllowed) return written;
  }
  return "busy";
}
