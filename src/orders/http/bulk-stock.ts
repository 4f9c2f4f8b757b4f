import { Hono } from "hono";
import * as v from "valibot";
import type { Actor } from "../../contract/actor.ts";
import type { AdjustResult, SkuChange } from "../../contract/stock-api.ts";
import type { Level } from "../../contract/stock-events.ts";
import { policyOf } from "../config/policy.ts";
import { knownSkus } from "../items/item-queries.sql.ts";
import { storeLevels } from "../items/items.sql.ts";
import type { AppEnv } from "./app-env.ts";
import { callStock } from "./ask-stock.ts";
import { requireScopes } from "./auth.ts";
import {
  BulkLinesSchema,
  failed,
  type Line,
  type LineResult,
  MAX_BULK_BYTES,
  readLines,
} from "./bulk.ts";
import { forgetCatalogue } from "./catalogue.ts";
import { IdempotencyKeySchema } from "./idempotency-key.ts";
import { Problem } from "./problem.ts";
import { actorOf } from "./scopes.ts";
import { StockLineSchema } from "./stock-body.ts";
import { body, headers } from "./validation.ts";

/** Body of `POST /v1/stock/bulk`. */
export const BulkStockSchema = v.strictObject({ changes: BulkLinesSchema });

export interface StockLineResult extends LineResult {
  level?: Level;
  affected?: string[];
  /** The line was applied, or refused, by an earlier call with this key. */
  replayed?: true;
}

/** 500 items, 24 at a time, each up to 5 s; most take milliseconds. */
const STOCK_TIMEOUT_MS = 25_000;

type StockLine = v.InferOutput<typeof StockLineSchema>;

/** Changes the stock of many items, each as a call of its own would. */
export const bulkStock = new Hono<AppEnv>().post(
  "/bulk",
  requireScopes("stock:write"),
  forgetCatalogue,
  headers(v.object({ "idempotency-key": v.optional(IdempotencyKeySchema) })),
  body(BulkStockSchema, { maxBytes: MAX_BULK_BYTES }),
  async (c) => {
    const key = c.req.valid("header")["idempotency-key"];
    if (key === undefined) throw new Problem("idempotency_key_required");
    const { changes } = c.req.valid("json");
    const { valid, results } = readLines(changes, StockLineSchema);
    const skus = [...valid.values()].map(({ sku }) => sku);
    // A mistyped SKU must not create a stock object.
    const known = await knownSkus(c.env.DB, skus);
    const lines = [...valid].filter(([, { sku }]) => known.has(sku));
    const actor = actorOf(c.get("caller"));
    const asked = lines.map(([, line]) => changeOf(line, key, actor));
    const answers =
      asked.length === 0
        ? []
        : await callStock(
            async (): Promise<(AdjustResult | null)[]> => await c.env.STOCK.adjustMany(asked),
            STOCK_TIMEOUT_MS,
          );
    const done = answers.flatMap((answer) => (answer?.ok ? [answer] : []));
    // At once, so that a restock opens the sold-out gate; the cron rereads a lost level.
    if (done.length > 0) await storeLevels(c.env.DB, policyOf(c.env), done, Date.now());
    for (const [i, [line, { sku }]] of lines.entries()) {
      results.set(line, resultOf(sku, answers[i] ?? null));
    }
    return c.json({
      results: changes.map((_, i): StockLineResult => {
        return results.get(i) ?? failed(valid.get(i)?.sku ?? null, "not_found");
      }),
    });
  },
);

/**
 * The key belongs to its caller. A space is in no key that a client can send, so the key of a single
 * change is never the same.
 */
const changeOf = ({ sku, value }: Line<StockLine>, key: string, actor: Actor): SkuChange => ({
  sku,
  change: { ...value, operationId: `bulk ${actor.sub} ${key}`, actor },
});

function resultOf(sku: string, answer: AdjustResult | null): StockLineResult {
  // The item may have applied it: a repeat with the same key shows what it did.
  if (answer === null) return failed(sku, "unavailable");
  if (!answer.ok && answer.code === "operation_reused") {
    return failed(sku, "idempotency_key_reused");
  }
  const replayed = answer.isReplay && { replayed: true as const };
  if (answer.ok) return { sku, status: 200, level: answer.level, ...replayed };
  const { code, level, affected } = answer;
  return { ...failed(sku, code), level, ...(affected && { affected }), ...replayed };
}
