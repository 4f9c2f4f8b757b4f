import type { Operation } from "../operation.ts";
import { changeOperations } from "./changes.ts";
import { exportOperations } from "./exports.ts";
import { itemOperations } from "./items.ts";
import { operatorOperations } from "./operators.ts";
import { orderOperations } from "./orders.ts";
import { paymentOperations } from "./payments.ts";
import { returnOperations } from "./returns.ts";
import { serviceOperations } from "./service.ts";
import { webhookOperations } from "./webhooks.ts";

/** Every operation, in the order in which the page shows them. */
export const OPERATIONS: Operation[] = [
  ...orderOperations,
  ...paymentOperations,
  ...returnOperations,
  ...changeOperations,
  ...webhookOperations,
  ...itemOperations,
  ...operatorOperations,
  ...exportOperations,
  ...serviceOperations,
];
