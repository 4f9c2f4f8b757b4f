import type { InferResponseType } from "hono/client";
import { type Client, ok } from "../shared/api.ts";
import { client } from "./session.ts";

type Page = InferResponseType<Client["v1"]["operations"]["items"]["$get"]>;

/** An item as operators see it: also a draft or an archived one, with its level and its ETag. */
export type StockedItem = Page["items"][number];

const PAGE = "20";

/** A page of all items. */
export function readItems(cursor: string | null): Promise<Page> {
  const query = { limit: PAGE, ...(cursor && { cursor }) };
  return ok(client.v1.operations.items.$get({ query }));
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
