import * as v from "valibot";
import { MAX_QUANTITY } from "./limits.ts";

/** A stock keeping unit. The alphabet is narrow because the SKU also names the item's Durable Object. */
export const SkuSchema = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, "must match [A-Za-z0-9][A-Za-z0-9._-]{0,63}"),
);

/** Units of one SKU in one order. */
export const QuantitySchema = v.pipe(
  v.number(),
  v.integer("must be a whole number"),
  v.minValue(1, "must be at least 1"),
  v.maxValue(MAX_QUANTITY, `must be at most ${MAX_QUANTITY}`),
);
