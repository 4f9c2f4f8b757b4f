import { AUTH_MUTANTS } from "./auth.ts";
import { CHANGES_MUTANTS } from "./changes.ts";
import { DISASTER_MUTANTS } from "./disaster.ts";
import { HTTP_MUTANTS } from "./http.ts";
import { MONEY_MUTANTS } from "./money.ts";
import type { Mutant } from "./mutant.ts";
import { ORDERS_MUTANTS } from "./orders.ts";
import { STOCK_MUTANTS } from "./stock.ts";

export const MUTANTS: readonly Mutant[] = [
  ...STOCK_MUTANTS,
  ...ORDERS_MUTANTS,
  ...HTTP_MUTANTS,
  ...AUTH_MUTANTS,
  ...MONEY_MUTANTS,
  ...CHANGES_MUTANTS,
  ...DISASTER_MUTANTS,
];
