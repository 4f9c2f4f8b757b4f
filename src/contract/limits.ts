/** Every limit that both services rely on. Sizes in bytes are of UTF-8 JSON. */

/** Lines an order may have, before and after merging. */
export const MAX_LINES = 50;
/** Units one order may ask of one SKU, the merged total too. */
export const MAX_QUANTITY = 1000;

/** Events one queue message may carry. */
export const MAX_EVENTS_PER_MESSAGE = 100;
/**
 * A message over 64 KB is billed as two operations each time (Queues pricing), and one over 128 KB
 * is refused (Queues limits); staying under the first keeps us under the second.
 */
export const MAX_MESSAGE_BYTES = 60_000;
/** `sendBatch` takes 100 messages and 256 KB (Queues limits); four full messages stay below. */
export const MAX_MESSAGES_PER_SEND = 4;

/** Times a message is tried before it becomes a dead letter with its error. */
export const MAX_DELIVERY_ATTEMPTS = 10;

/** Orders one call over the lane may carry. */
export const MAX_ORDERS_PER_LANE_CALL = 200;
/** SKUs one `levels` call may ask for. */
export const MAX_SKUS_PER_LEVELS_CALL = 100;
/** Locks one page of `liveLocks` looks through. */
export const MAX_LOCKS_PER_PAGE = 200;
