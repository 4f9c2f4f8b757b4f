import type { OrderEvent, OrderReturned } from "../../contract/order-events.ts";
import { keptOf } from "./decision.ts";
import type { ItemCommand } from "./rules.ts";

/**
 * What an order's event asks of the item of one of its lines, in this order and in one transaction.
 *
 * The successor of an expired order first releases what that order holds. That order's own release
 * may still be under way, or lost until the reconciler repeats it. A lock that overtook it would be
 * refused, for good, for want of units that the customer's own order was about to give back.
 */
export function commandsFor(event: OrderEvent, line: Line): [sku: string, ItemCommand][] {
  const expired = event.type === "order.placed" ? event.origin?.successorOf : undefined;
  const command = commandFor(event, line);
  if (expired === undefined) return [[line.sku, command]];
  // A successor has the lines of its order, and an order that has one stays cancelled.
  return [
    [line.sku, { type: "release", orderId: expired }],
    [line.sku, command],
  ];
}

type Line = OrderEvent["lines"][number];

function commandFor(event: OrderEvent, line: Line): ItemCommand {
  const { orderId } = event;
  switch (event.type) {
    case "order.placed": {
      const { quantity, limitPerCustomer: limit = null } = line;
      const { customerId, origin: facts } = event;
      const kept = facts && keptOf(facts, line.sku);
      return { type: "lock", orderId, customerId, quantity, limit, ...kept };
    }
    case "order.cancelled": {
      const { customerId, origin } = event;
      if (customerId === undefined || origin === undefined) return { type: "release", orderId };
      return { type: "release", orderId, customerId, origin: JSON.stringify(origin) };
    }
    case "order.paid":
      return { type: "commit", orderId };
    case "order.returned":
      return returnCommand(event, line.quantity);
  }
}

function returnCommand(event: OrderReturned, quantity: number): ItemCommand {
  const { orderId, returnId, requestHash, customerId, restock, reason, actor } = event;
  const request = requestHash === undefined ? {} : { requestHash };
  const facts = { orderId, returnId, ...request, customerId, quantity, restock, reason, actor };
  return { type: "return", ...facts };
}
