import * as v from "valibot";
import { SkuSchema } from "../../contract/sku.ts";
import { Problem } from "./problem.ts";

/** A SKU in a path that cannot be one is a thing that does not exist, or cannot be made. */
export const skuOf = (text: string): string => {
  if (v.is(SkuSchema, text)) return text;
  throw new Problem("not_found", { detail: "There is no such item." });
};
