import { type Context, Hono } from "hono";
import { createMiddleware } from "hono/factory";
import * as v from "valibot";
import { SentOrderIdSchema } from "../../contract/order-id.ts";
import { SkuSchema } from "../../contract/sku.ts";
import { ConcurrencyLimit } from "../../runtime/concurrency-limit.ts";
import { errorText, log } from "../../runtime/log.ts";
import { D1_TIMEOUT_MS } from "../database/d1.ts";
import { ordersAsCsv, ordersAsNdjson } from "../export/accounts.ts";
import * as items from "../export/export-items.ts";
import * as orders from "../export/export-orders.sql.ts";
import { streamPages } from "../export/page-stream.ts";
import type { Format, Page } from "../export/pages.ts";
import { acceptedType } from "./accept.ts";
import type { AppEnv } from "./app-env.ts";
import { requireScopes } from "./auth.ts";
import { invalid, Problem } from "./problem.ts";
import { TimeSchema } from "./timestamp.ts";
import { query } from "./validation.ts";

/** Exports under way in an isolate, each with a page of some MB in memory. */
export const MAX_EXPORTS = 4;
/** A reader that takes nothing for this long is given up. */
const STALL_MS = 60_000;
/** Of a slot, which each page renews: longer than a stalled reader and a page of D1 together. */
const LEASE_MS = STALL_MS + D1_TIMEOUT_MS + 20_000;
const slots = new ConcurrencyLimit(MAX_EXPORTS, LEASE_MS);

/** D1 takes so many statements of an invocation (D1 limits, Workers Paid); some are left. */
const D1_STATEMENTS = 1_000;
const RESERVED_STATEMENTS = 100;
const maxPages = (statements: number): number =>
  Math.floor((D1_STATEMENTS - RESERVED_STATEMENTS) / statements);

const CSV = "text/csv";
const NDJSON = "application/x-ndjson";

const InstantSchema = v.pipe(TimeSchema, v.transform(Date.parse));
export const OrdersExport = {
  from: InstantSchema,
  to: InstantSchema,
  after: v.optional(SentOrderIdSchema),
};
export const ItemsExport = { after: v.optional(SkuSchema) };

const tooMany = (): Problem =>
  new Problem("unavailable", { detail: "Too many exports at once. Repeat it shortly." });

/** Rejecting must be cheaper than verifying a token. */
const rejectWhenFull = createMiddleware(async (_, next) => {
  if (slots.isFull(Date.now())) throw tooMany();
  await next();
});

interface Source<T> {
  formats: Record<typeof CSV | typeof NDJSON, Format<T>>;
  statementsPerPage: number;
  first: string;
  read: (after: string) => Promise<Page<T>>;
}

/**
 * Answers with the pages as a stream. The first page is read before the answer begins, so that a
 * database that is away is a 503.
 */
async function exportResponse<T>(c: Context<AppEnv>, source: Source<T>): Promise<Response> {
  c.header("Vary", "Accept");
  const type = acceptedType(c.req.header("Accept"), [CSV, NDJSON]);
  c.header("Content-Type", type === CSV ? `${CSV}; charset=utf-8` : NDJSON);
  if (c.req.method === "HEAD") return c.body(null);
  const slot = holdSlot();
  const { path } = c.req;
  const requestId = c.get("requestId");
  try {
    const first = await source.read(source.first);
    return c.body(
      streamPages(
        source.formats[type],
        first,
        {
          read: source.read,
          onPage: slot.renew,
          onEnd(error) {
            slot.release();
            const fields = { requestId, path, error: errorText(error) };
            if (error !== null) log("warn", "export.aborted", fields);
          },
        },
        { maxPages: maxPages(source.statementsPerPage), stall_ms: STALL_MS },
      ),
    );
  } catch (error) {
    slot.release();
    throw error;
  }
}

/** A slot for an export, which lapses if the platform drops the export without a word. */
function holdSlot() {
  let release = slots.tryAcquire(Date.now());
  if (release === null) throw tooMany();
  return {
    release: () => release?.(),
    renew: () => {
      release?.();
      release = slots.tryAcquire(Date.now());
      if (release === null) throw new Error("the export's slot has lapsed");
    },
  };
}

export const exports = new Hono<AppEnv>()
  .get(
    "/orders/export",
    rejectWhenFull,
    requireScopes("operations:read"),
    query(v.strictObject(OrdersExport)),
    async (c) => {
      const { from, to, after = null } = c.req.valid("query");
      if (to <= from) throw invalid([{ path: "to", message: "must be later than from" }]);
      const range = orders.idsMadeIn(from, to, after);
      return await exportResponse(c, {
        formats: { [CSV]: ordersAsCsv, [NDJSON]: ordersAsNdjson },
        statementsPerPage: orders.STATEMENTS_PER_PAGE,
        first: range.after,
        read: (id) => orders.readOrders(c.env.DB, { ...range, after: id }),
      });
    },
  )
  .get(
    "/items/export",
    rejectWhenFull,
    requireScopes("operations:read"),
    query(v.strictObject(ItemsExport)),
    async (c) => {
      const now_ms = Date.now();
      return await exportResponse(c, {
        formats: { [CSV]: items.itemsAsCsv, [NDJSON]: items.itemsAsNdjson },
        statementsPerPage: items.STATEMENTS_PER_PAGE,
        first: c.req.valid("query").after ?? "",
        read: (sku) => items.readItems(c.env.DB, sku, now_ms),
      });
    },
  );
