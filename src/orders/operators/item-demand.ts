import type { ItemDemand } from "../../contract/stock-api.ts";
import type { ItemDoorMinute } from "../order/door-refusals.sql.ts";
import type { Money } from "../order/order.ts";

/** The demand for one item: what the item was asked for, and what the door refused before. No I/O. */

/** Orders, or units of them. `asked` is the sum of the others. */
export type DemandCounts = Record<"asked" | "confirmed" | "refused" | "refusedAtDoor", number>;

export interface DemandView {
  sku: string;
  /** Orders of the last 60 minutes, oldest first; the last one is still running. */
  perMinute: ({ minute: string } & DemandCounts)[];
  /** Units of the same minutes. */
  units: DemandCounts;
  /** There were more orders than the item looks at: the earliest minutes lack some. */
  partial: boolean;
  /** Of sold units without the returned ones, at the prices at which they were ordered. */
  revenue: (Money & { units: number })[];
  /** Sold units that `revenue` lacks. */
  unitsWithoutPrice: number;
}

const MINUTE_MS = 60_000;
const MINUTES = 60;

/** The last 60 minutes, oldest first, counted since 1970. */
export const demandMinutes = (now_ms: number): number[] => {
  const last = Math.floor(now_ms / MINUTE_MS);
  return Array.from({ length: MINUTES }, (_, i) => last - (MINUTES - 1) + i);
};

export function demandView(
  sku: string,
  minutes: readonly number[],
  { minutes: ofItem, isPart, revenue, unitsWithoutPrice }: ItemDemand,
  ofDoor: readonly ItemDoorMinute[],
): DemandView {
  const byItem = new Map(ofItem.map((one) => [one.minute, one]));
  const byDoor = new Map(ofDoor.map((one) => [one.minute, one]));
  const countsOf = (minute: number, what: "orders" | "units"): DemandCounts => {
    const { locked, refused } = byItem.get(minute) ?? {};
    return counts(locked?.[what] ?? 0, refused?.[what] ?? 0, byDoor.get(minute)?.[what] ?? 0);
  };
  return {
    sku,
    perMinute: minutes.map((minute) => ({
      minute: new Date(minute * MINUTE_MS).toISOString(),
      ...countsOf(minute, "orders"),
    })),
    units: minutes.map((minute) => countsOf(minute, "units")).reduce(plus, counts(0, 0, 0)),
    partial: isPart,
    revenue,
    unitsWithoutPrice,
  };
}

const counts = (confirmed: number, refused: number, refusedAtDoor: number): DemandCounts => ({
  asked: confirmed + refused + refusedAtDoor,
  confirmed,
  refused,
  refusedAtDoor,
});

const plus = (a: DemandCounts, b: DemandCounts): DemandCounts =>
  counts(a.confirmed + b.confirmed, a.refused + b.refused, a.refusedAtDoor + b.refusedAtDoor);
