import type { Shortage } from "../../contract/stock-events.ts";

/** How long a refusal is repeated from memory. D1's levels lag by about a second in addition. */
const TTL_MS = 1_000;
const MAX_ITEMS = 1_000;

interface Line {
  sku: string;
  quantity: number;
}

/**
 * Remembers what D1 last reported as sold out, so that a rush for a sold-out item does not reach
 * D1. The cache must give the answer that D1 would give. It is therefore used only for orders
 * without a key, since keys are resolved before admission, and only for orders of one line: another
 * line might be unknown, in another currency or not on sale, which admission checks before stock.
 * What an operator changes of a sold-out item, it hears of `TTL_MS` later. It knows of no pause: of
 * that D1 alone is asked, so that a resumption is effective at once.
 */
export class SoldOutCache {
  /** The item that was remembered longest ago comes first. */
  readonly #entries = new Map<string, { available: number; until_ms: number }>();

  /** `closes_ms`: the earliest end of these items' sales. From then on D1 gives another refusal. */
  remember(shortages: readonly Shortage[], closes_ms: number | null, now_ms: number): void {
    const until_ms = Math.min(now_ms + TTL_MS, closes_ms ?? Number.POSITIVE_INFINITY);
    for (const { sku, available } of shortages) {
      // Set anew, an item is the last to go.
      this.#entries.delete(sku);
      this.#entries.set(sku, { available, until_ms });
    }
    for (const sku of this.#entries.keys()) {
      if (this.#entries.size <= MAX_ITEMS) return;
      this.#entries.delete(sku);
    }
  }

  /** The shortage of an order that D1 would refuse; null: ask D1. */
  shortage(lines: readonly Line[], now_ms: number): Shortage | null {
    const [line] = lines;
    if (line === undefined || lines.length > 1) return null;
    const { sku, quantity: requested } = line;
    const known = this.#entries.get(sku);
    if (!known || known.until_ms <= now_ms || known.available >= requested) return null;
    return { sku, requested, available: known.available, reason: "out_of_stock" };
  }
}
