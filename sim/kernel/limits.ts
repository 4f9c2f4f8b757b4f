import { join } from "node:path";
import { applyChanges, readSource, type Change } from "../mutants/places.ts";

/**
 * Limits of the code that no simulated run would reach: half of the runs have small ones instead, so
 * that what happens past a limit happens all the time.
 */

const ROOT = join(import.meta.dirname, "../..");

/** Quotes of the source, as those of the mutants, and what stands there in runs with small limits. */
export const LIMITS: readonly Change[] = [
  {
    file: "src/orders/order/feed-notifier.ts",
    from: "const MAX_CALLS = 800;",
    to: "const MAX_CALLS = 1;",
  },
  // More than all customers of a run send at once, and fewer than those who hang up (storm.ts).
  {
    file: "src/orders/http/orders.ts",
    from: "const MAX_PLACING = 2_000;",
    to: "const MAX_PLACING = 64;",
  },
  {
    file: "src/orders/place/await-outcome.ts",
    from: "const MAX_WAITERS = 2_000;",
    to: "const MAX_WAITERS = 2;",
  },
  {
    file: "src/orders/order/order-queries.sql.ts",
    from: "const MAX_NEWER = 500;",
    to: "const MAX_NEWER = 1;",
  },
  {
    file: "src/orders/reconcile/reconcile.ts",
    from: "const CLAIM_TIMED = 500;",
    to: "const CLAIM_TIMED = 2;",
  },
  {
    file: "src/orders/outcomes/settle.ts",
    from: "const MAX_EVENTS = 1_000;",
    to: "const MAX_EVENTS = 3;",
  },
  {
    file: "src/orders/outcomes/settle.ts",
    from: "const MAX_SHORTAGES = 3_000;",
    to: "const MAX_SHORTAGES = 2;",
  },
  {
    file: "src/stock/coordinator.ts",
    from: "export const MAX_SKUS_PER_RUN = 450;",
    to: "export const MAX_SKUS_PER_RUN = 2;",
  },
  { file: "src/stock/consumer.ts", from: "const MAX_RUNS = 8;", to: "const MAX_RUNS = 1;" },
  {
    file: "src/stock/item/ledger.ts",
    from: "const MAX_MOVEMENTS_PER_ROW = 500;",
    to: "const MAX_MOVEMENTS_PER_ROW = 2;",
  },
  {
    file: "src/stock/item/store.ts",
    from: "const STATEMENT = { count: 1_000, size: 500_000 };",
    to: "const STATEMENT = { count: 2, size: 1_000 };",
  },
  {
    file: "src/orders/database/table-scan.ts",
    from: "export const SCAN_ROWS = 2_000;",
    to: "export const SCAN_ROWS = 2;",
  },
  {
    file: "src/orders/reconcile/scan-pace.ts",
    from: "export const MAX_STEPS = 60;",
    to: "export const MAX_STEPS = 2;",
  },
  {
    file: "src/orders/operators/compare.ts",
    from: "const ORDERS_PER_PAGE = Math.min(100, MAX_ORDERS_PER_LANE_CALL);",
    to: "const ORDERS_PER_PAGE = 10;",
  },
  {
    file: "src/contract/limits.ts",
    from: "export const MAX_LOCKS_PER_PAGE = 200;",
    to: "export const MAX_LOCKS_PER_PAGE = 5;",
  },
  {
    file: "src/contract/limits.ts",
    from: "export const MAX_MESSAGES_PER_SEND = 4;",
    to: "export const MAX_MESSAGES_PER_SEND = 1;",
  },
  {
    file: "src/orders/feed/sockets.ts",
    from: "const MAX_SOCKETS = 8;",
    to: "const MAX_SOCKETS = 2;",
  },
  {
    file: "src/orders/feed/traffic.ts",
    from: "export const MAX_UNREAD_BYTES = 262_144;",
    to: "export const MAX_UNREAD_BYTES = 4_096;",
  },
  {
    file: "src/orders/feed/traffic.ts",
    from: "export const MAX_SOCKET_BYTES = 1_048_576;",
    to: "export const MAX_SOCKET_BYTES = 12_288;",
  },
  {
    file: "src/orders/feed/presence.ts",
    from: "export const PRESENCE_MS = 60_000;",
    to: "export const PRESENCE_MS = 1_000;",
  },
];

/** The changed files by their absolute path. Throws when a limit is not found in one place. */
export function smallLimits(): Map<string, string> {
  const changed = applyChanges(LIMITS, readSource(ROOT));
  return new Map([...changed].map(([file, text]) => [join(ROOT, file), text]));
}
