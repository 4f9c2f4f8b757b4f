import { type Context, Hono } from "hono";
import * as v from "valibot";
import type { Actor } from "../../contract/actor.ts";
import type { AdjustResult, ReadLevel } from "../../contract/stock-api.ts";
import type { Level } from "../../contract/stock-events.ts";
import { policyOf } from "../config/policy.ts";
import { getItem } from "../items/item-queries.sql.ts";
import { clearPutBack, storeLevels } from "../items/items.sql.ts";
import { demandMinutes, demandView } from "../operators/item-demand.ts";
import { readItemDoorMinutes } from "../order/door-refusals.sql.ts";
import type { AppEnv } from "./app-env.ts";
import { callStock, stockUnavailable } from "./ask-stock.ts";
import { requireScopes } from "./auth.ts";
import { forgetCatalogue } from "./catalogue.ts";
import { IdempotencyKeySchema } from "./idempotency-key.ts";
import { encodeCursor, pageQuery, decodeCursor } from "./pagination.ts";
import { Problem } from "./problem.ts";
import { actorOf } from "./scopes.ts";
import { itemNotFound, skuFromPath } from "./sku.ts";
import { StockChangeSchema } from "./stock-body.ts";
import { body, headers, query } from "./validation.ts";

const SeqSchema = v.pipe(v.string(), v.regex(/^\d{1,15}$/), v.transform(Number));

/** Stock administration, which the stock Worker carries out by RPC. */
export const stock = new Hono<AppEnv>()
  .post(
    "/:sku/stock",
    requireScopes("stock:write"),
    forgetCatalogue,
    headers(v.object({ "idempotency-key": v.optional(IdempotencyKeySchema) })),
    body(StockChangeSchema),
    async (c) => {
      const sku = await knownSku(c.env.DB, c.req.param("sku"));
      const operationId = c.req.valid("header")["idempotency-key"];
      if (operationId === undefined) throw new Problem("idempotency_key_required");
      const actor = actorOf(c.get("caller"));
      const result = await callStock(
        async (): Promise<AdjustResult> =>
          await c.env.STOCK.adjust(sku, { ...c.req.valid("json"), operationId, actor }),
      );
      if (!result.ok && result.code === "operation_reused") {
        throw new Problem("idempotency_key_reused");
      }
      const replayed = result.isReplay && { "Idempotency-Replayed": "true" };
      if (result.ok) {
        // At once, so that a restock opens the sold-out gate; the cron rereads a lost level.
        await storeLevels(c.env.DB, policyOf(c.env), [result], Date.now());
        return c.json(result.level, 200, { ...replayed });
      }
      const { code, level, affected } = result;
      throw new Problem(code, {
        extra: { level, ...(affected && { affected }) },
        headers: { ...replayed },
      });
    },
  )
  .get("/:sku/stock", requireScopes("stock:write", "operations:read"), async (c) => {
    const sku = await knownSku(c.env.DB, c.req.param("sku"));
    const [found] = await callStock(() => c.env.STOCK.levels([sku]));
    if (!found) throw stockUnavailable;
    return c.json(stockView(found));
  })
  .post("/:sku/pause", requireScopes("stock:write"), forgetCatalogue, (c) => setPaused(c, true))
  .post("/:sku/resume", requireScopes("stock:write"), forgetCatalogue, (c) => setPaused(c, false))
  .get(
    "/:sku/ledger",
    requireScopes("stock:write", "operations:read"),
    query(v.strictObject(pageQuery)),
    async (c) => {
      const sku = await knownSku(c.env.DB, c.req.param("sku"));
      const { limit, cursor } = c.req.valid("query");
      const before = decodeCursor(cursor, SeqSchema);
      const { movements, next } = await callStock(() => c.env.STOCK.ledger(sku, { before, limit }));
      return c.json({ movements, nextCursor: encodeCursor(next === null ? null : `${next}`) });
    },
  )
  .get("/:sku/demand", requireScopes("stock:write", "operations:read"), async (c) => {
    const sku = await knownSku(c.env.DB, c.req.param("sku"));
    const minutes = demandMinutes(Date.now());
    const [ofItem, ofDoor] = await Promise.all([
      callStock(() => c.env.STOCK.demand(sku)),
      readItemDoorMinutes(c.env.DB, { sku, minutes }),
    ]);
    return c.json(demandView(sku, minutes, ofItem, ofDoor));
  });

/** An item's level as operators see it, who may have to know who has paused it. */
export interface StockView extends Level {
  paused: boolean;
  /** The last pause or resumption; null: there was none. */
  pauseChange: { at: string; actor: Actor } | null;
}

const stockView = ({ level, paused = false, pauseChange = null }: ReadLevel): StockView => ({
  ...level,
  paused,
  pauseChange,
});

/**
 * Pauses or resumes an item where its locks are granted, and then says so in the read model, before
 * it answers: after a 200 nothing acts on the state before. A 503 may have taken effect; it is safe
 * to repeat.
 */
async function setPaused(c: Context<AppEnv, "/:sku/pause">, isPaused: boolean) {
  const sku = await knownSku(c.env.DB, c.req.param("sku"));
  const actor = actorOf(c.get("caller"));
  const level = await callStock(
    async (): Promise<ReadLevel> => await c.env.STOCK.setPaused(sku, { isPaused, actor }),
  );
  await storeLevels(c.env.DB, policyOf(c.env), [level], Date.now());
  if (!isPaused) await clearPutBack(c.env.DB, sku).run();
  return c.json(stockView(level));
}

/** The SKU of an item in the catalogue: a mistyped SKU must not create a stock object. */
async function knownSku(db: D1Database, text: string): Promise<string> {
  const sku = skuFromPath(text);
  if (await getItem(db, sku)) return sku;
  throw itemNotFound;
}
