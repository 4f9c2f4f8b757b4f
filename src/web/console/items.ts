import type { InferRequestType, InferResponseType } from "hono/client";
import { type Client, ok } from "../shared/api.ts";
import { client } from "./session.ts";

type ItemsGet = Client["v1"]["operations"]["items"]["$get"];
type Page = InferResponseType<ItemsGet>;

/** An item as operators see it: also a draft or an archived one, with its level and its ETag. */
export type StockedItem = Page["items"][number];

const PAGE = "20";
/** Sales that run now, above the others. */
const MAX_ON_SALE = "10";

export const SORTS = ["sale", "sku", "saleStartsAt"] as const;
export type Sort = (typeof SORTS)[number];

export interface ItemQuery {
  /** Part of the SKU or the name; empty: all. */
  q: string;
  /** `sale`: those whose sale is on now first, then by SKU. */
  sort: Sort;
}

/** A page of all items. Searching goes on until there is something, or the end. */
export async function readItems({ q, sort }: ItemQuery, cursor: string | null): Promise<Page> {
  const query = {
    limit: PAGE,
    sort: sort === "saleStartsAt" ? sort : ("sku" as const),
    ...(q !== "" && { q }),
  };
  const isFirst = cursor === null;
  const [first, onSale] = await Promise.all([
    readOn(query, cursor),
    isFirst && q === "" && sort === "sale" ? readOnSale() : [],
  ]);
  const above = new Set(onSale.map(({ sku }) => sku));
  return { ...first, items: [...onSale, ...first.items.filter(({ sku }) => !above.has(sku))] };
}

/** Pages of 1,000 items that one search looks at. */
const MAX_PAGES = 10;

async function readOn(
  query: { limit: string; sort: "sku" | "saleStartsAt"; q?: string },
  cursor: string | null,
): Promise<Page> {
  let next = cursor;
  for (let pages = 1; ; pages++) {
    const page = await list({ ...query, ...(next && { cursor: next }) });
    if (page.items.length > 0 || page.nextCursor === null || pages === MAX_PAGES) return page;
    next = page.nextCursor;
  }
}

const list = (query: InferRequestType<ItemsGet>["query"]): Promise<Page> =>
  ok(client.v1.operations.items.$get({ query }));

const readOnSale = async (): Promise<StockedItem[]> =>
  (await list({ onSale: "true", limit: MAX_ON_SALE })).items;

/** The item of this SKU, among those whose SKU or name has it as a part. */
export async function readItem(sku: string): Promise<{ item: StockedItem | null }> {
  let cursor: string | null = null;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const page: Page = await list({ limit: "100", q: sku, ...(cursor && { cursor }) });
    const item = page.items.find((one) => one.sku === sku);
    cursor = page.nextCursor;
    if (item || cursor === null) return { item: item ?? null };
  }
  return { item: null };
}

export async function archive({ sku, etag }: StockedItem): Promise<void> {
  await ok(client.v1.items[":sku"].$delete({ param: { sku }, header: { "if-match": etag } }));
}

/** Ends the taking of orders, or takes them again. Safe to repeat. */
export async function setPaused({ sku }: StockedItem, isPaused: boolean): Promise<void> {
  const item = client.v1.items[":sku"];
  await ok((isPaused ? item.pause : item.resume).$post({ param: { sku } }));
}

/** Brings an archived item back as it was, unless somebody else has done so in the meantime. */
export async function restore(item: StockedItem): Promise<void> {
  const { sku, name, price, limitPerCustomer, paymentWindowSeconds } = item;
  const { saleStartsAt, saleEndsAt, statusBefore } = item;
  // A PUT without a status would publish a draft. An earlier version did not say what the item was.
  const status = statusBefore ?? "draft";
  const limits = { limitPerCustomer, paymentWindowSeconds };
  const json = { name, price, ...limits, saleStartsAt, saleEndsAt, status };
  await ok(
    client.v1.items[":sku"].$put({ param: { sku }, header: { "if-none-match": "*" }, json }),
  );
}
