import * as v from "valibot";
import { CURRENCIES } from "../../contract/currencies.ts";

/** Currencies accepted for a new price. Items keep a currency that ISO withdraws later. */
export const CurrencySchema = v.picklist(
  CURRENCIES,
  "must be the code of a currency with minor units (ISO 4217)",
);
