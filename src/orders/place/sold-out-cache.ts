import type { Shortage } from "../../contract/stock-events.ts";

/** How long a refusal at the door is repeated from memory; D1's levels lag by about a second more. */
const TTL_MS = 1_000;
const MAX_ITEMS = 1_000;

interface Line {
  sku: string;
  quantity: number;
}

/**
 * What this isolate was last told is sold out, so that a rush for nothing does not reach D1. It may
 * only repeat what D1 would say, so it is asked for orders without a key (a key comes before the
 * door) and answers for carts of one line: another line may be unknown, in another currency or out of
 * its sale, and these come before the stock.
 */
export class SoldOutCache {
  readonly #entries = new Map<string, { available: number; until_ms: number }>();

  /** `closes_ms`: when the sale of one of these items ends; from then on D1 says so instead. */
  remember(shortages: readonly Shortage[], closes_ms: number | null, now_ms: number): void {
    if (this.#entries.size > MAX_ITEMS) this.#entries.clear();
    const until_ms = Math.min(now_ms + TTL_MS, closes_ms ?? Number.POSITIVE_INFINITY);
    for (const { sku, available } of shortages) this.#entries.set(sku, { available, until_ms });
  }

  /** The shortage of an order that is known to be in vain; null: ask D1. */
  shortage(lines: readonly Line[], now_ms: number): Shortage | null {
    const [line] = lines;
    if (line === undefined || lines.length > 1) return null;
    const { sku, quantity: requested } = line;
    const known = this.#entries.get(sku);
    if (!known || known.until_ms <= now_ms || known.available >= requested) return null;
    return { sku, requested, available: known.available, reason: "out_of_stock" };
  }
}
