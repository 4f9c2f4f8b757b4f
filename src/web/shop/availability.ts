import type { Item } from "../../../packages/client/src/index.ts";
import { attempts } from "./attempts.ts";
import { type CartLine, MAX_QUANTITY } from "./cart.ts";
import { orders } from "./orders.ts";

/** What of an item this buyer can order now, as far as the page knows; the order decides. */

export type Phase = "before" | "open" | "over";

export function phaseOf({ saleStartsAt, saleEndsAt }: Item, now_ms: number): Phase {
  if (saleStartsAt !== null && now_ms < Date.parse(saleStartsAt)) return "before";
  return saleEndsAt !== null && now_ms >= Date.parse(saleEndsAt) ? "over" : "open";
}

/** Nothing of it can be ordered. `gone`: the catalogue no longer has it. */
export type Closed = "before" | "over" | "paused" | "soldOut" | "limitUsed" | "gone";
/** No more than some units: so many are left, or one customer may have so many. */
export type Bound = "left" | "limit";

export type Room = { units: 0; why: Closed } | { units: number; why: Bound };

/** `owned`: the units that the buyer's orders have already. */
export function roomFor(item: Item, now_ms: number, owned: number): Room {
  const phase = phaseOf(item, now_ms);
  if (phase !== "open") return { units: 0, why: phase };
  if (item.paused) return { units: 0, why: "paused" };
  const allowed = Math.min((item.limitPerCustomer ?? Infinity) - owned, MAX_QUANTITY);
  if (allowed <= 0) return { units: 0, why: "limitUsed" };
  if (item.available === 0) return { units: 0, why: "soldOut" };
  const isLimit = allowed < item.available;
  return { units: isLimit ? allowed : item.available, why: isLimit ? "limit" : "left" };
}

/** Units of an item in the buyer's orders, also in those that are being sent. */
export function ownedUnits(sku: string): number {
  const placed = orders.get().filter(({ status }) => status !== "cancelled");
  const known = new Set(orders.get().map(({ id }) => id));
  const sending = attempts.get().filter(({ orderId }) => !orderId || !known.has(orderId));
  const lines: readonly (CartLine & { returned?: number })[] = [
    ...placed.flatMap((order) => order.lines),
    ...sending.flatMap((attempt) => attempt.lines),
  ];
  return lines
    .filter((line) => line.sku === sku)
    .reduce((sum, { quantity, returned = 0 }) => sum + quantity - returned, 0);
}

export interface CartState {
  line: CartLine;
  /** Undefined: the catalogue has not been read that far, or no longer has it. */
  item: Item | undefined;
  /** Null: nothing holds the line back. */
  why: Closed | Bound | null;
  /** Units that an order would name. */
  units: number;
}

/** Each line with what of it can be ordered. What the page does not know the order decides. */
export function cartStates(
  lines: readonly CartLine[],
  catalogue: { items: readonly Item[] | null; isWhole: boolean },
  now_ms: number,
): CartState[] {
  return lines.map((line) => {
    const item = catalogue.items?.find(({ sku }) => sku === line.sku);
    if (!item) {
      const why = catalogue.isWhole ? "gone" : null;
      return { line, item, why, units: why ? 0 : line.quantity };
    }
    const { units, why } = roomFor(item, now_ms, ownedUnits(line.sku));
    if (line.quantity <= units) return { line, item, why: null, units: line.quantity };
    return { line, item, why, units };
  });
}
