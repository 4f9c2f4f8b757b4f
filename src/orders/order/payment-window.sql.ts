import { AMOUNT_DUE } from "./order-queries.sql.ts";

/**
 * Payment windows, as SQL. An order has one of its own if one of its items has; it is decided when
 * the order is placed, so that a later change of the item counts for later orders.
 */

/**
 * Over the lines of an order, joined with their items as `i`: the least of the items' windows, where
 * an item without one counts with the deployment's (`deployment_ms`, SQL). 0: the order never
 * expires. Null: no item has one, so that the deployment's at the confirmation counts.
 */
export const leastWindow = (deployment_ms: string): string =>
  `iif(count(i.payment_window_ms) = 0, NULL,
     coalesce(min(nullif(coalesce(i.payment_window_ms, ${deployment_ms}), 0)), 0))`;

/**
 * On a row of `orders`: when a window that begins now (`?2`) ends; null: never. `deployment` (SQL)
 * is the end of the deployment's. An order with an amount due of 0 needs no payment.
 */
export const windowEnd = (deployment: string): string =>
  `iif(${AMOUNT_DUE} = 0 OR payment_window_ms = 0, NULL,
     coalesce(?2 + payment_window_ms, ${deployment}))`;

/**
 * On a row of `orders`: confirmed without a payment window, though it needs a payment and its items
 * did not say that it has as long as it likes.
 */
export const HAS_NO_WINDOW = `status = 'confirmed' AND pay_by IS NULL AND ${AMOUNT_DUE} > 0
  AND payment_window_ms IS NOT 0`;
