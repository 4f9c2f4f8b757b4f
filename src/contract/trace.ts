import * as v from "valibot";
import { OrderIdSchema } from "./order-id.ts";

/** A trace id of W3C Trace Context: 16 bytes in lower-case hexadecimal, not all of them zero. */
export const TraceIdSchema = v.pipe(v.string(), v.regex(/^(?!0{32}$)[0-9a-f]{32}$/));

/** Version, trace id, parent id and flags. Neither id is all zeros, and ff is no version. */
const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?$/;

/**
 * The trace id of a `traceparent` header; null if there is none or it is not valid, which is then as
 * if it had not been sent (W3C Trace Context, 4.3). Only a version after 00 may have further parts.
 */
export function traceIdIn(traceparent: string | undefined): string | null {
  const [, version, traceId = null, rest] = TRACEPARENT.exec(traceparent ?? "") ?? [];
  return version === "00" && rest !== undefined ? null : traceId;
}

/** The trace id of an order whose caller named none: its id, which is a valid one without dashes. */
export const madeTraceId = (orderId: string): string => orderId.replaceAll("-", "");

/** The trace id of an event. One from before there were trace ids has that of its order id. */
export const traceIdOf = ({
  orderId,
  traceId,
}: {
  orderId: string;
  traceId?: string | undefined;
}): string => traceId ?? madeTraceId(orderId);

const TracedSchema = v.object({ orderId: OrderIdSchema, traceId: v.optional(TraceIdSchema) });

/** The trace ids of those of these events, decoded or not, that are about an order. */
export const traceIdsIn = (events: readonly unknown[]): string[] =>
  events.flatMap((event) => (v.is(TracedSchema, event) ? [traceIdOf(event)] : []));
