import { ConcurrencyLimit } from "../../runtime/concurrency-limit.ts";
import { type Leader, SharedRead, type SharedKey } from "../../runtime/shared-read.ts";
import { TimeoutError, withTimeout } from "../../runtime/timeout.ts";
import { D1_TIMEOUT_MS } from "../database/d1.ts";
import { getOrder, newerOrders } from "../order/order-queries.sql.ts";
import type { Order } from "../order/order.ts";

const POLL_MS = 1_000;
/** A response may come so much later than asked, so that the round at the end of a wait still counts. */
const GRACE_MS = 250;
/** Waiting requests of one isolate; above it, requests are answered at once. */
const MAX_WAITERS = 2_000;
/** Longer than the 10 s to which `Prefer: wait` is clamped, and the time limits of two last reads. */
const WAITER_LEASE_MS = 35_000;
const waiters = new ConcurrencyLimit(MAX_WAITERS, WAITER_LEASE_MS);

/** "later": this round had no room for the order; the next one may have. */
const reads = new SharedRead<D1Database, Order | "later">(
  {
    what: "D1",
    // Each waiter asks for one order at a time, so that a round has room for all of them.
    limits: { order: MAX_WAITERS },
    interval_ms: POLL_MS,
    fresh_ms: 0,
    joinsRunning: true,
    warm_ms: 0,
    timeout_ms: 2 * D1_TIMEOUT_MS,
  },
  readNewer,
);

async function readNewer(db: D1Database, keys: readonly SharedKey[]) {
  const { orders, isTruncated } = await newerOrders(db, keys.map(parseKey));
  const byId = new Map(orders.map((order) => [order.id, order]));
  const values = keys.map((key): [SharedKey, Order | "later"] | null => {
    const { id, revision } = parseKey(key);
    const order = byId.get(id);
    if (order !== undefined && order.revision > revision) return [key, order];
    return isTruncated ? [key, "later"] : null;
  });
  return new Map(values.filter((value) => value !== null));
}

/** The order, once it has a later revision. */
const keyOf = (id: string, revision: number): SharedKey => `order:${id}:${revision}`;

function parseKey(key: SharedKey): { id: string; revision: number } {
  const [, id = "", revision] = key.split(":");
  return { id, revision: Number(revision) };
}

type Reader = Leader<D1Database>;

/** The order with a later revision. Null: it has none, or there is no such order. */
async function readTogether(reader: Reader, id: string, revision: number): Promise<Order | null> {
  for (;;) {
    const read = reads.get(keyOf(id, revision), reader, Date.now());
    const found = read === null ? "later" : await read;
    if (found !== "later") return found ?? null;
    if (read === null) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Reads an order as `getOrder` does, but together with all who wait: within a second or so. */
export async function readWithWaiters(reader: Reader, id: string): Promise<Order | null> {
  const release = waiters.tryAcquire(Date.now());
  if (release === null) return getOrder(reader.source, id);
  try {
    return await readTogether(reader, id, 0);
  } finally {
    release();
  }
}

/**
 * Returns the order once it is decided, or as it stands when `wait_ms` is over. All who wait in an
 * isolate share one statement a second.
 */
export async function awaitOutcome(reader: Reader, order: Order, wait_ms: number): Promise<Order> {
  if (order.status !== "pending") return order;
  const release = waiters.tryAcquire(Date.now());
  if (release === null) return order;
  try {
    const deadline_ms = Date.now() + wait_ms;
    let latest = order;
    while (latest.status === "pending" && Date.now() < deadline_ms) {
      const { id, revision } = latest;
      const left_ms = deadline_ms + GRACE_MS - Date.now();
      const newer = await withTimeout(left_ms, () => readTogether(reader, id, revision)).catch(
        (error: unknown) => {
          if (error instanceof TimeoutError && Date.now() >= deadline_ms) return null;
          throw error;
        },
      );
      latest = newer ?? latest;
    }
    return latest;
  } finally {
    release();
  }
}
