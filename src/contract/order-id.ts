import { v7 } from "uuid";
import * as v from "valibot";

/**
 * Order ids are UUIDs of version 7 (RFC 9562), which sort by time to the millisecond. Lists,
 * pruning and the stock item's watermark rely on that order.
 */
export const OrderIdSchema = v.pipe(
  v.string(),
  v.regex(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
);

/** An order id as clients may send it, in upper or lower case (RFC 9562, 4). Ours are lower case. */
export const SentOrderIdSchema = v.pipe(
  v.string(),
  v.regex(/^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-7[0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}$/),
  v.toLowerCase(),
);

export function newOrderId(now_ms: number): string {
  return v7({ msecs: now_ms });
}

/** The time of the id's creation, in milliseconds since 1970. */
export function timeOfOrderId(orderId: string): number {
  return Number.parseInt(orderId.slice(0, 8) + orderId.slice(9, 13), 16);
}

/** A lower bound for all order ids made at or after this time. Not itself a valid id. */
export function orderIdFloor(time_ms: number): string {
  const hex = Math.max(0, Math.floor(time_ms)).toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-`;
}
