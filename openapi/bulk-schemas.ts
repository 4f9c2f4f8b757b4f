import * as v from "valibot";
import { OrderIdSchema } from "../src/contract/order-id.ts";
import { SkuSchema } from "../src/contract/sku.ts";
import { LevelSchema } from "../src/contract/stock-events.ts";
import type { StockLineResult } from "../src/orders/http/bulk-stock.ts";
import { type LineResult, MAX_BULK_LINES } from "../src/orders/http/bulk.ts";
import { ItemSchema } from "../src/orders/http/item-body.ts";
import { PROBLEMS, type ProblemCode } from "../src/orders/http/problem.ts";
import { AdjustmentSchema, StockCountSchema } from "../src/orders/http/stock-body.ts";

const lines = <S extends v.GenericSchema>(line: S) =>
  v.pipe(v.array(line), v.minLength(1), v.maxLength(MAX_BULK_LINES));

const reason = v.exactOptional(AdjustmentSchema.entries.reason);
const ItemLine = v.strictObject({ sku: SkuSchema, ...ItemSchema.entries });
const StockLine = v.union([
  v.strictObject({ sku: SkuSchema, ...AdjustmentSchema.entries, reason }),
  v.strictObject({ sku: SkuSchema, ...StockCountSchema.entries, reason }),
]);

const outcome = {
  sku: v.nullable(v.string()),
  status: v.pipe(v.number(), v.integer()),
  code: v.exactOptional(v.picklist(Object.keys(PROBLEMS) as ProblemCode[])),
  errors: v.exactOptional(v.array(v.object({ path: v.string(), message: v.string() }))),
};
const ItemOutcome = v.object(outcome) satisfies v.GenericSchema<unknown, LineResult>;
const StockOutcome = v.object({
  ...outcome,
  level: v.exactOptional(LevelSchema),
  affected: v.exactOptional(v.array(OrderIdSchema)),
  replayed: v.exactOptional(v.literal(true)),
}) satisfies v.GenericSchema<unknown, StockLineResult>;

/** The schemas of calls with many lines, by their names in the contract. */
export const BULK_SCHEMAS = {
  BulkItems: v.strictObject({ items: lines(ItemLine) }),
  BulkStock: v.strictObject({ changes: lines(StockLine) }),
  ItemOutcome,
  StockOutcome,
  ItemOutcomes: v.object({ results: v.array(ItemOutcome) }),
  StockOutcomes: v.object({ results: v.array(StockOutcome) }),
} as const;
