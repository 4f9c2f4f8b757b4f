import type { Shortage } from "../../contract/stock-events.ts";

/** How long a refusal at the door is repeated from memory; D1's levels lag by about a second more. */
const REMEMBERED_MS = 1_000;
const MAX_ITEMS = 1_000;

/**
 * What this isolate was last told is sold out, so that a rush for nothing does not reach D1. It may
 * only repeat a refusal: it is asked for orders without a key, because a key comes before the door.
 */
export class SoldOutMemory {
  readonly #known = new Map<string, { available: number; until_ms: number }>();

  remember(shortages: readonly Shortage[], now_ms: number): void {
    if (this.#known.size > MAX_ITEMS) this.#known.clear();
    for (const { sku, available } of shortages) {
      this.#known.set(sku, { available, until_ms: now_ms + REMEMBERED_MS });
    }
  }

  /** The shortages of an order that is known to be in vain; empty: ask D1. */
  shortages(lines: readonly { sku: string; quantity: number }[], now_ms: number): Shortage[] {
    return lines.flatMap(({ sku, quantity: requested }) => {
      const known = this.#known.get(sku);
      if (!known || known.until_ms <= now_ms || known.available >= requested) return [];
      return [{ sku, requested, available: known.available, reason: "out_of_stock" }];
    });
  }
}
