import { ConcurrencyLimit } from "../../runtime/concurrency-limit.ts";
import { type Leader, SharedRead } from "../../runtime/shared-read.ts";
import { D1_TIMEOUT_MS } from "../database/d1.ts";
import { newestChange } from "./change-queries.sql.ts";

const POLL_MS = 1_000;
/** Readers of one isolate that wait; above it, they are answered at once. */
const MAX_WAITERS = 50;
/** Longer than the 10 s to which `Prefer: wait` is clamped, and the time limits of two last reads. */
const WAITER_LEASE_MS = 35_000;
const waiters = new ConcurrencyLimit(MAX_WAITERS, WAITER_LEASE_MS);

const NEWEST = "newest:change";
const newest = new SharedRead<D1Database, number>(
  {
    what: "D1",
    limits: { newest: 1 },
    interval_ms: POLL_MS,
    fresh_ms: 0,
    joinsRunning: true,
    warm_ms: 0,
    timeout_ms: 2 * D1_TIMEOUT_MS,
  },
  async (db) => new Map([[NEWEST, await newestChange(db)]]),
);

/** Waits until D1 has a row of changes after `row`, or until `wait_ms` is over: false. */
export async function awaitChanges(
  reader: Leader<D1Database>,
  { row }: { row: number },
  wait_ms: number,
): Promise<boolean> {
  const release = waiters.tryAcquire(Date.now());
  if (release === null) return false;
  try {
    const deadline_ms = Date.now() + wait_ms;
    while (Date.now() < deadline_ms) {
      if (((await newest.get(NEWEST, reader, Date.now())) ?? 0) > row) return true;
    }
    return false;
  } finally {
    release();
  }
}
