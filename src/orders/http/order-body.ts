import * as v from "valibot";
import { jsonBytes } from "../../contract/envelope.ts";
import { MAX_LINES, MAX_QUANTITY } from "../../contract/limits.ts";
import { QuantitySchema, SkuSchema } from "../../contract/sku.ts";
import { CurrencySchema } from "./currency.ts";
import { CustomerIdSchema } from "./customer-id.ts";
import { wellFormedCheck } from "./text.ts";

/** Lines of an order or a return, merged by SKU. */
export const LinesSchema = v.pipe(
  v.array(v.strictObject({ sku: SkuSchema, quantity: QuantitySchema })),
  v.minLength(1, "must have at least 1 line"),
  v.maxLength(MAX_LINES, `must have at most ${MAX_LINES} lines`),
  v.transform(mergeLines),
  v.everyItem(
    ({ quantity }) => quantity <= MAX_QUANTITY,
    `must ask for at most ${MAX_QUANTITY} units of one SKU in all`,
  ),
);

/** Merges the lines of one SKU into the first of them. */
function mergeLines(lines: { sku: string; quantity: number }[]) {
  const bySku = new Map<string, number>();
  for (const { sku, quantity } of lines) bySku.set(sku, (bySku.get(sku) ?? 0) + quantity);
  return [...bySku].map(([sku, quantity]) => ({ sku, quantity }));
}

/**
 * An amount in minor units. The largest total, 50 lines of 1,000 units at 10⁹, is 5 · 10¹³; twice
 * that leaves room for shipping and tax.
 */
export const AmountSchema = v.pipe(
  v.number(),
  v.integer("must be a whole number of minor units"),
  v.minValue(0, "must be at least 0"),
  v.maxValue(100_000_000_000_000, "must be at most 10^14"),
);

const MAX_PAIRS = 20;
const MAX_NAME_CHARS = 64;
const MAX_METADATA_BYTES = 4_096;

/** Names that `v.record` would drop without a word. */
const RESERVED_NAMES = new Set(["__proto__", "prototype", "constructor"]);

const MetadataSchema = v.pipe(
  v.unknown(),
  v.check((pairs) => !Array.isArray(pairs), "must be an object"), // a record would take a list
  v.check(
    (pairs) => !Object.keys(pairs ?? {}).some((name) => RESERVED_NAMES.has(name)),
    `must not have the names ${[...RESERVED_NAMES].join(", ")}`,
  ),
  v.record(
    v.pipe(
      v.string(),
      v.minLength(1, "must have names of at least 1 character"),
      v.maxLength(MAX_NAME_CHARS, `must have names of at most ${MAX_NAME_CHARS} characters`),
      wellFormedCheck,
    ),
    v.pipe(v.string("must have texts as values"), wellFormedCheck),
  ),
  v.check(
    (pairs) => Object.keys(pairs).length <= MAX_PAIRS,
    `must have at most ${MAX_PAIRS} pairs`,
  ),
  v.check(
    (pairs) => jsonBytes(pairs) <= MAX_METADATA_BYTES,
    `must have at most ${MAX_METADATA_BYTES} bytes as JSON`,
  ),
);

/** Body of `POST /v1/orders`. */
export const OrderSchema = v.strictObject({
  lines: LinesSchema,
  customerId: v.exactOptional(CustomerIdSchema),
  amountDue: v.exactOptional(AmountSchema),
  metadata: v.exactOptional(MetadataSchema),
  expect: v.exactOptional(v.strictObject({ amount: AmountSchema, currency: CurrencySchema })),
});

/** Seconds that one extension of a payment window may add. */
const MAX_EXTENSION_SECONDS = 900;

/** Body of `POST /v1/orders/:id/extend`. */
export const ExtensionSchema = v.strictObject({
  seconds: v.pipe(
    v.number(),
    v.integer("must be a whole number"),
    v.minValue(1, "must be at least 1"),
    v.maxValue(MAX_EXTENSION_SECONDS, `must be at most ${MAX_EXTENSION_SECONDS}`),
  ),
});
