import { isUnfinished, type OrderView } from "../order/order.ts";
import type { FeedMessage } from "./protocol.ts";
import { MAX_UNREAD_BYTES } from "./traffic.ts";

/** Bytes of one snapshot, in UTF-8: what a socket may hold unread. */
export const MAX_SNAPSHOT_BYTES = MAX_UNREAD_BYTES;

const TAIL = { whole: `],"truncated":false}`, cut: `],"truncated":true}` };
const HEAD = `{"type":"snapshot","orders":[`;

const encoder = new TextEncoder();
export const bytesOf = (text: string): number => encoder.encode(text).byteLength;

/**
 * The message with these orders, newest first, cut to `MAX_SNAPSHOT_BYTES`. The newest are kept, and
 * unfinished orders before finished ones. `isTruncated`: there are orders besides these.
 */
export function snapshotMessage(
  orders: readonly OrderView[],
  isTruncated: boolean,
): { text: string; shown: OrderView[] } {
  const kept = new Map<OrderView, string>();
  let left_bytes = MAX_SNAPSHOT_BYTES - bytesOf(HEAD + TAIL.whole);
  const byNeed = [
    ...orders.filter(isUnfinished),
    ...orders.filter((order) => !isUnfinished(order)),
  ];
  for (const order of byNeed) {
    const text = JSON.stringify(order);
    left_bytes -= bytesOf(text) + 1; // the comma
    if (left_bytes < 0) break;
    kept.set(order, text);
  }
  const shown = orders.filter((order) => kept.has(order));
  const isCut = isTruncated || shown.length < orders.length;
  const list = shown.map((order) => kept.get(order)).join(",");
  return { text: HEAD + list + (isCut ? TAIL.cut : TAIL.whole), shown };
}

export const orderMessage = (order: OrderView): string =>
  JSON.stringify({ type: "order", order } satisfies FeedMessage);
