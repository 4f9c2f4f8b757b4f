import { type Item, type Level, ok } from "../shared/api.ts";
import { client } from "./session.ts";

export interface StockedItem extends Item {
  /** From the stock item itself; null while the item does not respond. */
  level: Level | null;
}

export interface ItemsPage {
  items: StockedItem[];
  nextCursor: string | null;
}

const PAGE = "20";
const CONCURRENCY = 4;

/** A page of the catalogue with each item's level. */
export async function readItems(cursor: string | null): Promise<ItemsPage> {
  const query: { limit: string; cursor?: string } = { limit: PAGE, ...(cursor && { cursor }) };
  const { items, nextCursor } = await ok(client.v1.items.$get({ query }));
  const levels = new Map<string, Level>();
  const waiting = items.map(({ sku }) => sku);
  const work = async () => {
    for (let sku = waiting.pop(); sku !== undefined; sku = waiting.pop()) {
      const level = await ok(client.v1.items[":sku"].stock.$get({ param: { sku } })).catch(
        () => null,
      );
      if (level) levels.set(sku, level);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  const stocked = items.map((item) => ({ ...item, level: levels.get(item.sku) ?? null }));
  return { items: stocked, nextCursor };
}
