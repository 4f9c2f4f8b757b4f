import { ALL_ITEMS, type DoorRefusals } from "../order/door-refusals.sql.ts";
import type { AdmissionRefusal } from "./placement.sql.ts";

/** Above the longest that a write may be asked to wait for (`DEMAND_WRITE_SECONDS`). */
const WRITE_LAPSES_MS = 120_000;

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
  /** When the caller was last asked to write; null: not since the counts were taken. */
  #asked_ms: number | null = null;

  /**
   * Returns whether the caller is to write the counts: with the first one, and again when what was to
   * write them has died with its request (the platform ends background work 30 s after the response).
   */
  add(lines: readonly Line[], refusal: AdmissionRefusal, now_ms: number): boolean {
    const asked = askedFor(lines, refusal);
    if (asked === null) return false;
    const minute = Math.floor(now_ms / 60_000);
    this.#add(
      minute,
      ALL_ITEMS,
      asked.reduce((sum, { quantity }) => sum + quantity, 0),
    );
    for (const { sku, quantity } of asked) this.#add(minute, sku, quantity);
    const isAsked = this.#asked_ms !== null && now_ms - this.#asked_ms < WRITE_LAPSES_MS;
    if (!isAsked) this.#asked_ms = now_ms;
    return !isAsked;
  }

  take(): DoorRefusals[] {
    const taken = [...this.#counted.values()];
    this.#counted = new Map();
    this.#asked_ms = null;
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
