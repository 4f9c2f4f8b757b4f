import * as v from "valibot";
import type { ItemDetails } from "../items/item.ts";
import { CurrencySchema } from "./currency.ts";
import { invalid } from "./problem.ts";
import { singleLineText } from "./text.ts";
import { TimeSchema } from "./timestamp.ts";

/** In minor units. Up to 10⁹, an order's total stays an exact JavaScript number. */
const MAX_PRICE = 1_000_000_000;

const name = singleLineText(200);
const amount = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(MAX_PRICE));
const limit = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000));
const WINDOW = "must be 0, or a whole number from 60 to 604800";
/** The least lets the reconciler's rounds of a minute find its end; the most is a week. */
const paymentWindow = v.union(
  [
    v.literal(0),
    v.pipe(
      v.number(WINDOW),
      v.integer(WINDOW),
      v.minValue(60, WINDOW),
      v.maxValue(604_800, WINDOW),
    ),
  ],
  WINDOW,
);
const status = v.picklist(["draft", "listed"], "must be draft or listed");
const SALE_ORDER = "saleStartsAt must be before saleEndsAt";

/** Body of `PUT /v1/items/:sku`. */
export const ItemSchema = v.pipe(
  v.strictObject({
    name,
    price: v.strictObject({ amount, currency: CurrencySchema }),
    limitPerCustomer: v.nullish(limit, null),
    paymentWindowSeconds: v.nullish(paymentWindow, null),
    saleStartsAt: v.nullish(TimeSchema, null),
    saleEndsAt: v.nullish(TimeSchema, null),
    status: v.optional(status, "listed"),
  }),
  v.check((details) => isSaleInOrder(details), SALE_ORDER),
);

/** Body of `PATCH /v1/items/:sku` (RFC 7396): what it does not name stays, null removes. */
export const ItemPatchSchema = v.strictObject({
  name: v.exactOptional(name),
  price: v.exactOptional(
    v.strictObject({
      amount: v.exactOptional(amount),
      currency: v.exactOptional(CurrencySchema),
    }),
  ),
  limitPerCustomer: v.exactOptional(v.nullable(limit)),
  paymentWindowSeconds: v.exactOptional(v.nullable(paymentWindow)),
  saleStartsAt: v.exactOptional(v.nullable(TimeSchema)),
  saleEndsAt: v.exactOptional(v.nullable(TimeSchema)),
  status: v.exactOptional(status),
});

/** The details with the patch applied. Throws `invalid_request` if they do not fit together. */
export function patched(
  details: ItemDetails,
  { price, ...patch }: v.InferOutput<typeof ItemPatchSchema>,
): ItemDetails {
  const next = { ...details, ...patch, price: { ...details.price, ...price } };
  if (!isSaleInOrder(next)) throw invalid([{ path: "", message: SALE_ORDER }]);
  return next;
}

function isSaleInOrder({
  saleStartsAt,
  saleEndsAt,
}: Pick<ItemDetails, "saleStartsAt" | "saleEndsAt">) {
  return !saleStartsAt || !saleEndsAt || Date.parse(saleStartsAt) < Date.parse(saleEndsAt);
}
