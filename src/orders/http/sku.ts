import * as v from "valibot";
import { SkuSchema } from "../../contract/sku.ts";
import { Problem } from "./problem.ts";

export const itemNotFound = new Problem("not_found", { detail: "There is no such item." });

/** The SKU in a path. Throws `not_found` when the text cannot be a SKU: no such item can exist. */
export const skuFromPath = (text: string): string => {
  if (v.is(SkuSchema, text)) return text;
  throw itemNotFound;
};
