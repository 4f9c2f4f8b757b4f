import { type Clock, type Entry, transition } from "./orders.sql.ts";
import { HAS_WAITING } from "./payments.sql.ts";

/**
 * Pays those of these orders for which a payment waits, as statements for the batch that confirms
 * them: no order is confirmed while its money waits. Nobody announces these orders, so their commits
 * are due at once. The changes of the last statement are the paid orders. `judgeWaiting` has to
 * follow in the same batch.
 */
export const payWaiting = (
  db: D1Database,
  confirmed: readonly Entry[],
  clock: Clock,
): D1PreparedStatement[] =>
  transition(db, "pay", confirmed, clock, {
    alsoIf: `AND ${HAS_WAITING}`,
    due_ms: clock.now_ms,
  });
