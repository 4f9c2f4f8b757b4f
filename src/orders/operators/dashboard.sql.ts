import { selectDoorItems, selectDoorMinutes } from "../order/door-refusals.sql.ts";
import {
  LATENCY_BOUNDS_MS,
  type Minute,
  minutesOf,
  selectMinutesSince,
  selectTotals,
} from "../order/minutes.sql.ts";
import type { ShownStatus } from "../order/order.ts";

/** The dashboard of GET /v1/operations. None of its queries scans the table `orders`. */

export interface Dashboard {
  orders: Record<ShownStatus, number>;
  /** Orders and returns with a command that stock has not acknowledged; counts stop at `MAX_COUNT`. */
  unsettled: { count: number; oldestAgeSeconds: number };
  /** From placing to the outcome, over the last 15 minutes; null: there was no outcome. */
  settleLatencyMs: Record<"p50" | "p95" | "p99", number | null>;
  /** The last 60 minutes, oldest first; the last one is still running. */
  perMinute: MinuteView[];
  /** The items for which the door has refused the most units in the last hour, at most 20. */
  refusedAtDoor: { sku: string; orders: number; units: number }[];
  deadLetters: number;
  breaches: number;
}

export interface MinuteView extends Record<"placed" | "confirmed" | "paid" | "cancelled", number> {
  minute: string;
  /** Of the cancelled, those that an item has refused. */
  refused: number;
  /** Orders that were refused without being placed, for want of stock or outside of a sale. */
  refusedAtDoor: number;
  settleLatencyMs: Record<"p50" | "p99", number | null>;
}

const MINUTE_MS = 60_000;
const SERIES_MINUTES = 60;
const LATENCY_MINUTES = 15;
/** Bounds the cost of a count; operators need no exact figure above it. */
const MAX_COUNT = 10_000;
const MAX_DOOR_ITEMS = 20;
/**
 * The reconciler looks at an unsettled order at least once a minute. An order that is due later
 * waits for its payment and is not counted. Two minutes, because clocks differ.
 */
const DUE_WITHIN_MS = 120_000;

export async function readDashboard(db: D1Database, now_ms: number): Promise<Dashboard> {
  const thisMinute_ms = now_ms - (now_ms % MINUTE_MS);
  const first_ms = thisMinute_ms - (SERIES_MINUTES - 1) * MINUTE_MS;
  const [totals, minutes, unsettled, letters, breaches, door, doorItems] = await db.batch([
    selectTotals(db),
    selectMinutesSince(db, first_ms),
    db
      .prepare(
        `SELECT count(*) AS n, coalesce(sum(awaits = 'lock'), 0) AS pending,
           min(updated_at) AS oldest
         FROM (SELECT awaits, updated_at FROM orders
             WHERE due_at <= ?1 AND awaits IS NOT NULL AND breached_at IS NULL
           UNION ALL SELECT awaits, updated_at FROM orders INDEXED BY orders_breached
             WHERE breached_at > 0
           UNION ALL SELECT 'return', created_at FROM returns WHERE due_at IS NOT NULL
           LIMIT ${MAX_COUNT})`,
      )
      .bind(now_ms + DUE_WITHIN_MS),
    db.prepare(`SELECT count(*) AS n FROM (SELECT 1 FROM dead_letters LIMIT ${MAX_COUNT})`),
    db.prepare("SELECT coalesce(sum(breaches), 0) AS n FROM items WHERE breaches > 0"),
    selectDoorMinutes(db, first_ms),
    selectDoorItems(db, { since_ms: first_ms, limit: MAX_DOOR_ITEMS }),
  ]);
  const total = firstRow(totals);
  const open = firstRow(unsettled);
  const series = minutesOf(minutes?.results ?? []);
  const recent = series.filter(
    ({ minute_ms }) => minute_ms > thisMinute_ms - LATENCY_MINUTES * MINUTE_MS,
  );
  const latencies = sumLatencies(recent);
  return {
    orders: {
      pending: open.pending ?? 0,
      confirmed: total.confirmed ?? 0,
      paid: total.paid ?? 0,
      returned: total.returned ?? 0,
      cancelled: total.cancelled ?? 0,
    },
    unsettled: {
      count: open.n ?? 0,
      oldestAgeSeconds: open.oldest ? Math.max(0, Math.round((now_ms - open.oldest) / 1000)) : 0,
    },
    settleLatencyMs: {
      p50: percentile(latencies, 0.5),
      p95: percentile(latencies, 0.95),
      p99: percentile(latencies, 0.99),
    },
    perMinute: fillMinutes(series, doorMinutes(door), first_ms),
    refusedAtDoor: (doorItems?.results ?? []) as Dashboard["refusedAtDoor"],
    deadLetters: firstRow(letters).n ?? 0,
    breaches: firstRow(breaches).n ?? 0,
  };
}

const firstRow = (result: D1Result | undefined) =>
  (result?.results[0] ?? {}) as Record<string, number | null>;

/** Minute → orders that the door has refused. */
const doorMinutes = (result: D1Result | undefined): Map<number, number> => {
  const rows = (result?.results ?? []) as { minute: number; orders: number }[];
  return new Map(rows.map(({ minute, orders }) => [minute * MINUTE_MS, orders]));
};

function fillMinutes(
  series: readonly Minute[],
  door: ReadonlyMap<number, number>,
  first_ms: number,
): MinuteView[] {
  const byMinute = new Map(series.map((minute) => [minute.minute_ms, minute]));
  return Array.from({ length: SERIES_MINUTES }, (_, i) => {
    const minute_ms = first_ms + i * MINUTE_MS;
    const { placed, confirmed, paid, cancelled, refused, latencies } =
      byMinute.get(minute_ms) ?? EMPTY_MINUTE;
    const settleLatencyMs = { p50: percentile(latencies, 0.5), p99: percentile(latencies, 0.99) };
    const minute = new Date(minute_ms).toISOString();
    const refusedAtDoor = door.get(minute_ms) ?? 0;
    const counts = { placed, confirmed, paid, cancelled, refused, refusedAtDoor };
    return { minute, ...counts, settleLatencyMs };
  });
}

const EMPTY_MINUTE = { placed: 0, confirmed: 0, paid: 0, cancelled: 0, refused: 0, latencies: [] };

function sumLatencies(minutes: readonly Minute[]): number[] {
  const sums: number[] = [];
  for (const { latencies } of minutes) {
    for (const [i, n] of latencies.entries()) sums[i] = (sums[i] ?? 0) + n;
  }
  return sums;
}

/** Interpolates within the bucket of the percentile; above the last bound, returns that bound. */
export function percentile(buckets: readonly number[], share: number): number | null {
  const total = buckets.reduce((sum, n) => sum + n, 0);
  if (total === 0) return null;
  let below = 0;
  for (const [i, n] of buckets.entries()) {
    if (n > 0 && below + n >= share * total) {
      const from = i === 0 ? 0 : (LATENCY_BOUNDS_MS[i - 1] ?? 0);
      const to = LATENCY_BOUNDS_MS[i] ?? from;
      return Math.round(from + (to - from) * ((share * total - below) / n));
    }
    below += n;
  }
  return LATENCY_BOUNDS_MS.at(-1) ?? null;
}
