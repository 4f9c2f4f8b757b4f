import { ConcurrencyLimit } from "../../runtime/concurrency-limit.ts";
import { newestChange } from "./change-queries.sql.ts";

const POLL_MS = 1_000;
/** Readers of one isolate that wait; above it, they are answered at once. */
const MAX_WAITERS = 50;
/** Longer than the 10 s to which `Prefer: wait` is clamped plus the time limit of the last read. */
const WAITER_LEASE_MS = 25_000;
const waiters = new ConcurrencyLimit(MAX_WAITERS, WAITER_LEASE_MS);

/** Waits until D1 has a row of changes after `row`, or until `wait_ms` is over: false. */
export async function awaitChanges(
  db: D1Database,
  { row }: { row: number },
  wait_ms: number,
): Promise<boolean> {
  const release = waiters.tryAcquire(Date.now());
  if (release === null) return false;
  try {
    const deadline_ms = Date.now() + wait_ms;
    for (;;) {
      const left_ms = deadline_ms - Date.now();
      if (left_ms <= 0) return false;
      await new Promise((resolve) => setTimeout(resolve, Math.min(POLL_MS, left_ms)));
      if ((await newestChange(db)) > row) return true;
    }
  } finally {
    release();
  }
}
