import { createMiddleware } from "hono/factory";
import { SharedRead, type Leader, type SharedKey } from "../../runtime/shared-read.ts";
import { D1_TIMEOUT_MS } from "../database/d1.ts";
import { type CataloguePage, readCatalogue } from "../items/item-queries.sql.ts";
import { etagOf, itemView, type StoredItem } from "../items/item.ts";
import { MAX_LIMIT, paginate } from "./pagination.ts";

/** The catalogue as buyers read it. All readers of an isolate share one D1 batch a second. */

/**
 * Different first pages, other pages and items that one batch reads. Anyone can make up cursors, so
 * they are counted apart: there is room for every first page that can be asked for.
 */
const LIMITS = { first: MAX_LIMIT, page: 20, sku: 1_000 };

/** A response's body, made once for all who ask. */
export interface Shown {
  etag: string;
  json: string;
}

/**
 * A level shown is at most 5 s old: up to 1 s here, 2 s in the platform's cache, and the lag of the read
 * model, which is 2 s in normal running.
 */
const FRESH_MS = 1_000;
/** Longer than the pages' own poll while nothing moves. */
const WARM_MS = 12_000;

const reads = new SharedRead<D1Database, Shown>(
  {
    what: "D1",
    limits: LIMITS,
    interval_ms: FRESH_MS,
    fresh_ms: FRESH_MS,
    joinsRunning: true,
    warm_ms: WARM_MS,
    timeout_ms: 2 * D1_TIMEOUT_MS,
  },
  readAll,
);

/** The whole catalogue is one list; `limit` comes first, so that a SKU can be anything. */
const pageKey = ({ after, limit }: CataloguePage): SharedKey =>
  `${after === null ? "first" : "page"}:${limit}:${after ?? ""}`;
const skuKey = (sku: string): SharedKey => `sku:${sku}`;

const nameOf = (key: SharedKey): string => key.slice(key.indexOf(":") + 1);

function pageOf(key: SharedKey): CataloguePage {
  const [limit = ""] = nameOf(key).split(":", 1);
  return { limit: Number(limit), after: nameOf(key).slice(limit.length + 1) || null };
}

async function readAll(db: D1Database, keys: readonly SharedKey[]): Promise<Map<SharedKey, Shown>> {
  const skus = keys.filter((key) => key.startsWith("sku:")).map(nameOf);
  const wanted = keys.filter((key) => !key.startsWith("sku:")).map(pageOf);
  // Of pages that begin at the same item, the longest has what the others show.
  const limits = new Map<string | null, number>();
  for (const { after, limit } of wanted) {
    limits.set(after, Math.max(limit, limits.get(after) ?? 0));
  }
  // One row more than a page has shows whether there is a next page.
  const asked = Array.from(limits, ([after, limit]) => ({ after, limit: limit + 1 }));
  const { pages, items } = await readCatalogue(db, { pages: asked, skus });
  const found = new Map(asked.map(({ after }, i) => [after, (pages[i] ?? []).map(entryOf)]));
  const shown = new Map(items.map(entryOf).map((entry) => [skuKey(entry.sku), entry.shown]));
  for (const wish of wanted) {
    const entries = found.get(wish.after) ?? [];
    const { page, nextCursor } = paginate(entries, wish.limit, ({ sku }) => sku);
    const list = page.map((entry) => entry.shown);
    shown.set(pageKey(wish), await shownList(list, nextCursor));
  }
  return shown;
}

const entryOf = (item: StoredItem) => ({ sku: item.sku, shown: shownItem(item) });

const shownItem = (item: StoredItem): Shown => ({
  etag: etagOf(item),
  json: JSON.stringify(itemView(item)),
});

async function shownList(items: readonly Shown[], nextCursor: string | null): Promise<Shown> {
  const list = items.map(({ json }) => json).join(",");
  const json = `{"items":[${list}],"nextCursor":${JSON.stringify(nextCursor)}}`;
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(json));
  return { etag: `"${btoa(String.fromCharCode(...new Uint8Array(hash, 0, 12)))}"`, json };
}

type Reader = Leader<D1Database>;

/** Whether any of these has to be read that nobody else has asked for. */
const isMiss = (keys: readonly SharedKey[], now_ms: number): boolean =>
  keys.some((key) => !reads.isCovered(key, now_ms));

/** A page of the list, or some items by their SKU. */
export type Wanted = CataloguePage | { skus: readonly string[] };

const keysOf = (wanted: Wanted): SharedKey[] =>
  "skus" in wanted ? wanted.skus.map(skuKey) : [pageKey(wanted)];

/** Whether reading these costs D1 anything more than what others have already asked for. */
export const isCatalogueMiss = (wanted: Wanted): boolean => isMiss(keysOf(wanted), Date.now());

/** The list that was asked for. Null: too many different pages or items are asked for at once. */
export async function readList(reader: Reader, wanted: Wanted): Promise<Shown | null> {
  const found = await readKeys(reader, keysOf(wanted));
  if (found === null || !("skus" in wanted)) return found?.[0] ?? null;
  return shownList(
    found.flatMap((item) => item ?? []),
    null,
  );
}

/** The item; undefined when buyers see none of this SKU. Null as in `readList`. */
export async function readItem(reader: Reader, sku: string): Promise<Shown | undefined | null> {
  const found = await readKeys(reader, [skuKey(sku)]);
  return found && found[0];
}

async function readKeys(
  reader: Reader,
  keys: readonly SharedKey[],
): Promise<(Shown | undefined)[] | null> {
  const now_ms = Date.now();
  const asked = keys.flatMap((key) => reads.get(key, reader, now_ms) ?? []);
  const found = await Promise.all(asked);
  return asked.length < keys.length ? null : found;
}

/** Of routes that write: this isolate shows what was written at once, others within a second. */
export const forgetCatalogue = createMiddleware(async (_, next) => {
  await next();
  reads.forget();
});
