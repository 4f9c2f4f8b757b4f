import { DurableObject } from "cloudflare:workers";
import { MAX_SKUS_PER_INDEX_PAGE } from "../contract/limits.ts";

/**
 * The one object that lists every SKU that ever had stock. The catalogue is in D1 and goes back with
 * it; the items are still there, and this says which. It keeps a key for each SKU.
 */
export class StockIndex extends DurableObject<StockEnv> {
  add(sku: string): void {
    this.ctx.storage.kv.put(sku, true);
  }

  /** By SKU, after one. `next`: the `after` of the next page; null: this is the last one. */
  page(after: string): { skus: string[]; next: string | null } {
    const limit = MAX_SKUS_PER_INDEX_PAGE;
    const range = after === "" ? { limit } : { startAfter: after, limit };
    const skus = [...this.ctx.storage.kv.list(range)].map(([sku]) => sku);
    return { skus, next: skus.length < limit ? null : (skus.at(-1) ?? null) };
  }
}

/** The one index object. */
export const indexOf = (env: StockEnv) => env.INDEX.getByName("index");
