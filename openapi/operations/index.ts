import type { Operation } from "../operation.ts";
import { itemOperations } from "./items.ts";
import { operatorOperations } from "./operators.ts";
import { orderOperations } from "./orders.ts";
import { serviceOperations } from "./service.ts";

/** Every operation, in the order in which the page shows them. */
export const OPERATIONS: Operation[] = [
  ...orderOperations,
  ...itemOperations,
  ...operatorOperations,
  ...serviceOperations,
];
