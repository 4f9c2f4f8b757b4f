/** The limits that both Workers rely on. Sizes in bytes are of UTF-8 JSON. */

/** Lines of an order, before and after merging. */
export const MAX_LINES = 50;
/** Units of one SKU in an order, counted after merging too. */
export const MAX_QUANTITY = 1000;

/** Events in a queue message. */
export const MAX_EVENTS_PER_MESSAGE = 100;
/**
 * Queues bills a message over 64 KB as two operations each time (Queues pricing) and refuses one
 * over 128 KB (Queues limits). This limit stays below both.
 */
export const MAX_MESSAGE_BYTES = 60_000;
/** `sendBatch` takes 100 messages and 256 KB (Queues limits); four full messages stay below. */
export const MAX_MESSAGES_PER_SEND = 4;

/** Deliveries of a message before it becomes a dead letter with its error. */
export const MAX_DELIVERY_ATTEMPTS = 10;

/** Orders in one call over the lane. */
export const MAX_ORDERS_PER_LANE_CALL = 200;
/** Items in one `adjustMany` call. With one call each: below 10,000 subrequests (Workers limits). */
export const MAX_ADJUSTMENTS_PER_CALL = 500;
/** SKUs in one `levels` call. */
export const MAX_SKUS_PER_LEVELS_CALL = 100;
/** SKUs of one page of the index of items. */
export const MAX_SKUS_PER_INDEX_PAGE = 100;
/** Locks that one look at an item's demand reads, and as many once more for its revenue. */
export const MAX_DEMAND_LOCKS = 20_000;
/** Locks that one page of `erasures` or of `eraseCustomer` reads: few of them are of any interest. */
export const MAX_LOCKS_PER_SCAN = 5_000;
/** Locks that one page of `liveLocks` or of `decisions` reads. */
export const MAX_LOCKS_PER_PAGE = 200;
