import type { Money } from "../order/order.ts";

/** An item of the catalogue as clients see it. No I/O. */

export interface ItemView {
  sku: string;
  name: string;
  price: Money;
  /** Available units by the read model, which lags a second or two behind the stock item. */
  available: number;
  /** All units there ever were: what `available` is a part of. */
  received: number;
  /** It takes no orders until it is resumed. */
  paused: boolean;
  limitPerCustomer: number | null;
  /** How long a confirmed order waits for its payment. 0: for ever; null: as the deployment says. */
  paymentWindowSeconds: number | null;
  saleStartsAt: string | null;
  saleEndsAt: string | null;
}

/** A draft is neither shown nor orderable. */
export type ItemStatus = "draft" | "listed";

/** What an operator writes. */
export interface ItemDetails extends Omit<ItemView, "sku" | "available" | "received" | "paused"> {
  status: ItemStatus;
}

/** What operators see, also of drafts and archived items. */
export interface StockedItem extends ItemDetailsWithSku {
  etag: string;
  saleState: "upcoming" | "open" | "ended";
  /** By the read model, like the level. */
  paused: boolean;
  /** By the read model. */
  level: Record<"received" | "available" | "held" | "sold", number>;
  updatedAt: string;
}

interface ItemDetailsWithSku extends Omit<ItemDetails, "status"> {
  sku: string;
  status: ItemStatus | "archived";
  /** Of an archived item only: what it was, so that whoever restores a draft does not publish it. */
  statusBefore?: ItemStatus;
}

/** An item with what its ETag consists of. */
export interface StoredItem {
  sku: string;
  details: ItemDetails;
  /** Grows by one with each change of the details. */
  revision: number;
  levelVersion: number;
  isArchived: boolean;
  level: StockedItem["level"];
  isPaused: boolean;
  updatedAt_ms: number;
}

/** The revision of the details, then the version of the level (RFC 9110, 8.8.3). */
export const etagOf = ({ revision, levelVersion }: StoredItem): string =>
  `"${revision}.${levelVersion}"`;

export function itemView({ sku, details, level, isPaused }: StoredItem): ItemView {
  const { status: _status, ...shown } = details;
  const { available, received } = level;
  return { sku, ...shown, available, received, paused: isPaused };
}

export function stockedItemView(item: StoredItem, now_ms: number): StockedItem {
  const { sku, details, isArchived, level, isPaused, updatedAt_ms } = item;
  return {
    sku,
    ...details,
    ...(isArchived && { status: "archived", statusBefore: details.status }),
    etag: etagOf(item),
    saleState: saleStateOf(details, now_ms),
    paused: isPaused,
    level,
    updatedAt: new Date(updatedAt_ms).toISOString(),
  };
}

function saleStateOf({ saleStartsAt, saleEndsAt }: ItemDetails, now_ms: number) {
  if (saleEndsAt !== null && Date.parse(saleEndsAt) <= now_ms) return "ended";
  return saleStartsAt !== null && Date.parse(saleStartsAt) > now_ms ? "upcoming" : "open";
}
