import { ok, type Order } from "../shared/api.ts";
import { client } from "./session.ts";

/** Pages of confirmed orders that one look at an item's holds reads. */
const MAX_PAGES = 5;

export interface Holds {
  /** Those that run out first come first. */
  holds: { order: Order; units: number; payBy_ms: number }[];
  /** Whether there may be more than were read. */
  isPart: boolean;
}

/** The confirmed orders that hold units of an item until they are paid. */
export async function readHolds(sku: string): Promise<Holds> {
  const orders: Order[] = [];
  let cursor: string | null = null;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const query: { sku: string; status: "confirmed"; limit: string; cursor?: string } = {
      sku,
      status: "confirmed",
      limit: "100",
      ...(cursor && { cursor }),
    };
    const page: { orders: Order[]; nextCursor: string | null } = await ok(
      client.v1.operations.orders.$get({ query }),
    );
    orders.push(...page.orders);
    cursor = page.nextCursor;
    if (cursor === null) break;
  }
  const holds = orders.flatMap((order) => {
    if (order.payBy === null) return [];
    const units = order.lines.find((line) => line.sku === sku)?.quantity ?? 0;
    return [{ order, units, payBy_ms: Date.parse(order.payBy) }];
  });
  return { holds: holds.toSorted((a, b) => a.payBy_ms - b.payBy_ms), isPart: cursor !== null };
}
