import { DurableObject } from "cloudflare:workers";
import { MAX_SKUS_PER_INDEX_PAGE } from "../../contract/limits.ts";

/**
 * The one object that lists every SKU that ever had stock. The catalogue is in D1 and goes back with
 * it; the items are still there, and this says which.
 */
export class StockIndex extends DurableObject<StockEnv> {
  constructor(ctx: DurableObjectState, env: StockEnv) {
    super(ctx, env);
    ctx.storage.sql.exec(
      "CREATE TABLE IF NOT EXISTS items (sku TEXT PRIMARY KEY) STRICT, WITHOUT ROWID",
    );
  }

  add(sku: string): void {
    this.ctx.storage.sql.exec("INSERT INTO items (sku) VALUES (?) ON CONFLICT DO NOTHING", sku);
  }

  /** By SKU, after one. `next`: the `after` of the next page; null: this is the last one. */
  page(after: string): { skus: string[]; next: string | null } {
    const rows = this.ctx.storage.sql.exec<{ sku: string }>(
      `SELECT sku FROM items WHERE sku > ? ORDER BY sku LIMIT ${MAX_SKUS_PER_INDEX_PAGE}`,
      after,
    );
    const skus = [...rows].map(({ sku }) => sku);
    return { skus, next: skus.length < MAX_SKUS_PER_INDEX_PAGE ? null : (skus.at(-1) ?? null) };
  }
}

/** The one index object. */
export const indexOf = (env: StockEnv) => env.INDEX.getByName("index");
