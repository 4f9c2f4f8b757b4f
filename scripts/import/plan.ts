import type { StockedItem } from "../../src/orders/items/item.ts";
import type { Details, Row } from "./read-csv.ts";

/** What a file would change of a shop. Pure. */

export interface ItemLine {
  sku: string;
  details: Details;
}
export interface CountLine {
  sku: string;
  unsold: number;
  /** Available and held units when the first run of this import read the levels. */
  expected: number;
}

export interface Plan {
  created: ItemLine[];
  changed: ItemLine[];
  unchanged: number;
  /** Every line with stock, also where it is as the file says: so that each counts once. */
  counts: CountLine[];
  /** SKUs of a file without details that are not in the catalogue. */
  unknown: { line: number; sku: string }[];
}

/** `kept`: what the counts of an earlier run expected, which was killed. */
export function planOf(
  rows: readonly Row[],
  items: ReadonlyMap<string, StockedItem>,
  kept: ReadonlyMap<string, number> = new Map(),
): Plan {
  const plan: Plan = { created: [], changed: [], unchanged: 0, counts: [], unknown: [] };
  for (const { line, sku, details, stock } of rows) {
    const item = items.get(sku);
    if (details && !item) plan.created.push({ sku, details });
    else if (details && item && isOther(details, item)) plan.changed.push({ sku, details });
    else if (item) plan.unchanged++;
    else plan.unknown.push({ line, sku });
    if (stock === undefined || (!item && !details)) continue;
    const now = item ? item.level.available + item.level.held : 0;
    plan.counts.push({ sku, unsold: stock, expected: kept.get(sku) ?? now });
  }
  return plan;
}

function isOther(details: Details, item: StockedItem): boolean {
  const { name, price, limitPerCustomer, paymentWindowSeconds } = item;
  const { saleStartsAt, saleEndsAt, status } = item;
  return (
    details.name !== name ||
    details.price.amount !== price.amount ||
    details.price.currency !== price.currency ||
    details.limitPerCustomer !== limitPerCustomer ||
    details.paymentWindowSeconds !== paymentWindowSeconds ||
    details.saleStartsAt !== saleStartsAt ||
    details.saleEndsAt !== saleEndsAt ||
    details.status !== status
  );
}

/** The plan in words. */
export function summaryOf({ created, changed, unchanged, counts }: Plan): string {
  const up = counts.reduce((sum, { unsold, expected }) => sum + Math.max(0, unsold - expected), 0);
  const down = counts.reduce(
    (sum, { unsold, expected }) => sum + Math.max(0, expected - unsold),
    0,
  );
  const differ = counts.filter(({ unsold, expected }) => unsold !== expected).length;
  return [
    `items:  ${created.length} new, ${changed.length} changed, ${unchanged} as they are`,
    `stock:  ${differ} of ${counts.length} counts differ: +${up} and -${down} units`,
  ].join("\n");
}
