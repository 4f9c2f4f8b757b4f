import type { OrderFact } from "./watch-orders.ts";

/** What the vars of a run say. */
export interface Terms {
  paymentWindow_ms: number;
  lockDeadline_ms: number;
  /** 0: orders are kept for ever. */
  orderRetention_ms: number;
  /** Late money places a successor. */
  mayReorder: boolean;
  /** Whether the changes are listed. */
  isListing: boolean;
}

/** Statements of one call of D1, however much it has to do: they are bulk statements. */
export const MAX_STATEMENTS = 14;

/** Housekeeping takes what is finished, settled and old enough, and nothing else. */
export function mayBePruned(
  order: OrderFact | undefined,
  retention_ms: number,
  now_ms: number,
): boolean {
  if (!order || retention_ms === 0) return false;
  const isOver = order.status === "paid" || order.status === "cancelled";
  return isOver && order.awaits === null && order.updatedAt_ms < now_ms - retention_ms;
}

/** One call of a stock Worker that hangs is waited for, 20 s, and the alarm comes a second later. */
export const PROMPT_MS = 35_000;
