import type { Operation } from "../operation.ts";
import { changeOperations } from "./changes.ts";
import { itemOperations } from "./items.ts";
import { operatorOperations } from "./operators.ts";
import { orderOperations } from "./orders.ts";
import { paymentOperations } from "./payments.ts";
import { returnOperations } from "./returns.ts";
import { serviceOperations } from "./service.ts";

/** Every operation, in the order in which the page shows them. */
export const OPERATIONS: Operation[] = [
  ...orderOperations,
  ...paymentOperations,
  ...returnOperations,
  ...changeOperations,
  ...itemOperations,
  ...operatorOperations,
  ...serviceOperations,
];
