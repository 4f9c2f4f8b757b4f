import * as v from "valibot";
import { singleLineText } from "./text.ts";

/** In units. After a thousand such adjustments an item's counters are still exact numbers. */
const MAX_UNITS = 1_000_000_000;

const units = v.pipe(
  v.number(),
  v.integer("must be a whole number"),
  v.minValue(0),
  v.maxValue(MAX_UNITS),
);
const delta = v.pipe(
  v.number(),
  v.integer("must be a whole number"),
  v.minValue(-MAX_UNITS),
  v.maxValue(MAX_UNITS),
  v.notValue(0, "must not be 0"),
);
const reason = singleLineText(500);

/** Receives units, or takes some away. */
export const AdjustmentSchema = v.strictObject({ delta, reason });

/** Sets what is on the shelf to what was counted. */
export const StockCountSchema = v.strictObject({ unsold: units, expected: units, reason });

const isCount = (input: unknown): boolean =>
  typeof input === "object" && input !== null && ("unsold" in input || "expected" in input);

/** Body of `POST /v1/items/:sku/stock`: one or the other, so that its errors are those of one. */
export const StockChangeSchema = v.lazy((input) =>
  isCount(input) ? StockCountSchema : AdjustmentSchema,
);

/** A line of `POST /v1/stock/bulk`, without its SKU. The reason may be left out. */
export const StockLineSchema = v.lazy((input) =>
  isCount(input)
    ? v.strictObject({ ...StockCountSchema.entries, reason: v.optional(reason, "count") })
    : v.strictObject({ ...AdjustmentSchema.entries, reason: v.optional(reason, "adjustment") }),
);
