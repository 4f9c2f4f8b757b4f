import type { Origin } from "../../contract/order-events.ts";
import type { StoredDecision } from "../../contract/stock-api.ts";
import type { Lock, UnitPrice } from "./rules.ts";

/** A lock as recovery reads it. */
export const decisionFrom = ({ origin = null, ...lock }: Lock): StoredDecision => ({
  ...lock,
  origin: origin === null ? null : (JSON.parse(origin) as Origin),
});

/** What a lock keeps of its order: JSON for recovery, and the price of this item. */
export function keptOf(origin: Origin, sku: string): { origin: string; price?: UnitPrice } {
  const line = origin.lines.find((one) => one.sku === sku);
  const price = line && { price: { amount: line.price, currency: origin.currency } };
  return { origin: JSON.stringify(origin), ...price };
}
