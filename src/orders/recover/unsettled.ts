import pMap from "p-map";
import { MAX_ORDERS_PER_LANE_CALL } from "../../contract/limits.ts";
import type { Origin } from "../../contract/order-events.ts";
import type { StockApi } from "../../contract/stock-api.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import type { Order, Status } from "../order/order.ts";

/** Orders of which it is not known what became of them, and what their items have decided. */

/** Items that the orders of one part may have: one call each. */
const MAX_SKUS = 300;
/** Characters of JSON, in any script below the 2 MB of a bound value (D1 limits). */
const MAX_CHARS = 500_000;
/** Above what the item's shortage of a line adds, and what its price has in the database. */
const CHARS_PER_LINE = 300;
const CONCURRENCY = 12;
const ITEM_TIMEOUT_MS = 5_000;

/** An order of which it is not known what became of it. */
export interface Unsettled {
  id: string;
  customerId: string;
  before: Status | null;
  /** What it is rebuilt from; null: the database has it. */
  origin: Origin | null;
  skus?: string[];
}

export const unsettledFrom = ({ id, customerId, status: before, lines }: Order): Unsettled => {
  return { id, customerId, before, origin: null, skus: lines.map(({ sku }) => sku) };
};

export const skusOf = ({ origin, skus }: Unsettled): string[] =>
  skus ?? origin?.lines.map(({ sku }) => sku) ?? [];

/** JSON within JSON: at worst each character has an escape. */
const charsOf = (order: Unsettled): number =>
  2 * JSON.stringify(order.origin).length + CHARS_PER_LINE * skusOf(order).length;

/** Parts whose items can be asked in one step, and whose orders one transaction can take. */
export function partsOf(orders: readonly Unsettled[]): Unsettled[][] {
  const parts: Unsettled[][] = [];
  let skus = new Set<string>();
  let chars = 0;
  for (const order of orders) {
    const own = skusOf(order);
    const all = new Set([...skus, ...own]);
    const total = chars + charsOf(order);
    const part = parts.at(-1);
    const isSmall = all.size <= MAX_SKUS && total <= MAX_CHARS;
    if (part && isSmall && part.length < MAX_ORDERS_PER_LANE_CALL) {
      part.push(order);
      skus = all;
      chars = total;
    } else {
      parts.push([order]);
      skus = new Set(own);
      chars = charsOf(order);
    }
  }
  return parts;
}

/** By SKU and order id. An item that does not answer ends the step: nothing may be guessed. */
export async function decisionsOf(
  part: readonly Unsettled[],
  stock: Pick<StockApi, "decisionsFor">,
) {
  const ids = new Map<string, string[]>();
  for (const order of part) {
    for (const sku of skusOf(order)) ids.set(sku, [...(ids.get(sku) ?? []), order.id]);
  }
  const read = async ([sku, own]: [string, string[]]) => {
    const call = async () => await stock.decisionsFor(sku, own);
    const decisions = await withTimeout(ITEM_TIMEOUT_MS, call, `stock item ${sku}`);
    return [sku, new Map(decisions.map((one) => [one.orderId, one]))] as const;
  };
  return new Map(await pMap(ids, read, { concurrency: CONCURRENCY }));
}
