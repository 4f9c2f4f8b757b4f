import { ALL_ITEMS, type DoorRefusals } from "../order/door-refusals.sql.ts";
import type { AdmissionRefusal } from "./placement.sql.ts";

/** Minutes of items that are counted at the same time; the items past it count as no item. */
const MAX_COUNTED = 500;

interface Line {
  sku: string;
  quantity: number;
}

/**
 * Counts in memory whom the door has refused for want of stock, or outside of a sale, until the counts
 * are taken. They are figures of demand: what an isolate that ends has not yet written is lost.
 */
export class DoorCounter {
  #counted = new Map<string, DoorRefusals>();

  /** Returns whether this is the first since the counts were taken. */
  add(lines: readonly Line[], refusal: AdmissionRefusal, now_ms: number): boolean {
    const asked = askedFor(lines, refusal);
    if (asked === null) return false;
    const isFirst = this.#counted.size === 0;
    const minute = Math.floor(now_ms / 60_000);
    this.#add(
      minute,
      ALL_ITEMS,
      asked.reduce((sum, { quantity }) => sum + quantity, 0),
    );
    for (const { sku, quantity } of asked) this.#add(minute, sku, quantity);
    return isFirst;
  }

  take(): DoorRefusals[] {
    const taken = [...this.#counted.values()];
    this.#counted = new Map();
    return taken;
  }

  #add(minute: number, sku: string, units: number): void {
    const key = `${minute} ${sku}`;
    const known = this.#counted.get(key);
    if (known) {
      known.orders++;
      known.units += units;
    } else if (this.#counted.size < MAX_COUNTED) {
      this.#counted.set(key, { minute, sku, orders: 1, units });
    }
  }
}

/** The lines that were refused; null: the refusal says nothing of demand. */
function askedFor(lines: readonly Line[], refusal: AdmissionRefusal): readonly Line[] | null {
  switch (refusal.code) {
    case "out_of_stock": {
      const short = new Set(refusal.shortages.map(({ sku }) => sku));
      return lines.filter(({ sku }) => short.has(sku));
    }
    case "sale_not_open":
      return lines;
    case "unknown_item":
    case "mixed_currencies":
    case "price_changed":
      return null;
  }
}
