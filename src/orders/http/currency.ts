import * as v from "valibot";
import { CURRENCIES } from "../../contract/currencies.ts";

/** What a price can be in. An item keeps a currency that ISO has withdrawn since. */
export const CurrencySchema = v.picklist(
  CURRENCIES,
  "must be the code of a currency with minor units (ISO 4217)",
);
