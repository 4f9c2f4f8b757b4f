import { TRANSITIONS, type TransitionName } from "./order.ts";

/** The table `minutes`: counts and latencies per minute, so that no query scans all orders. */

/** Upper bounds of the histogram in ms. The column `ms_more` counts what is above the last one. */
export const LATENCY_BOUNDS_MS = [
  5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000,
  30_000, 60_000,
] as const;

const LATENCY_COLUMNS = [...LATENCY_BOUNDS_MS.map((bound) => `ms_${bound}`), "ms_more"];
const COUNT_COLUMNS = [
  "placed",
  "confirmed",
  "paid",
  "cancelled",
  "withdrawn",
  "returned",
  "refused",
] as const;
const COLUMNS = [...COUNT_COLUMNS, ...LATENCY_COLUMNS];

const ADD = COLUMNS.map((column) => `${column} = ${column} + excluded.${column}`).join(", ");
/** 1 for the column that the order's latency falls into, else 0. */
const LATENCY_VALUES = LATENCY_COLUMNS.map((_, i) => {
  const above = i === 0 ? "-1" : `${LATENCY_BOUNDS_MS[i - 1]}`;
  const upTo = LATENCY_BOUNDS_MS[i];
  return `took > ${above}${upTo === undefined ? "" : ` AND took <= ${upTo}`}`;
});
const NO_LATENCY = LATENCY_COLUMNS.map(() => "0");
const SUMS = COLUMNS.map((column) => `sum(${column})`).join(", ");
/** The values that an order adds to the minute of its placing. */
const PLACED = COLUMNS.map((column) => `${column === "placed" ? 1 : 0} AS ${column}`).join(", ");

/**
 * Counts the transition that the next statement of the same batch makes. Selects the same orders by
 * the same condition (`alsoIf`) while they still have their old status. `?1` ids (JSON), `?2` now.
 */
export function countTransition(
  db: D1Database,
  name: TransitionName,
  ids: readonly string[],
  now_ms: number,
  alsoIf = "",
): D1PreparedStatement {
  const { from, to } = TRANSITIONS[name];
  const statuses = from.map((status) => `'${status}'`).join(", ");
  // A decision of stock has a latency. A passed deadline and a customer's request have none.
  const isDecision = name === "confirm" || name === "refuse";
  const latency = (isDecision ? LATENCY_VALUES : NO_LATENCY).join(", ");
  const into = COUNT_COLUMNS.slice(1)
    .map((column) => {
      if (column === "refused") return name === "refuse" ? "1" : "0";
      if (column === "withdrawn") return to === "cancelled" ? "status = 'confirmed'" : "0";
      return column === to ? "1" : "0";
    })
    .join(", ");
  return db
    .prepare(
      `INSERT INTO minutes (minute, ${COLUMNS.join(", ")})
       WITH moving AS (
         SELECT orders.status, placed_at, max(0, CAST(?2 AS INTEGER) - placed_at) AS took
         FROM json_each(?1) AS e JOIN orders ON orders.id = e.value
         WHERE orders.status IN (${statuses}) ${alsoIf}
       )
       SELECT minute, ${SUMS} FROM (
         SELECT placed_at / 60000 AS minute, ${PLACED} FROM moving WHERE status = 'pending'
         UNION ALL
         SELECT CAST(?2 AS INTEGER) / 60000, 0, ${into}, ${latency} FROM moving
       ) GROUP BY minute
       ON CONFLICT (minute) DO UPDATE SET ${ADD}`,
    )
    .bind(JSON.stringify(ids), now_ms);
}

/**
 * Counts an order as returned if this return, recorded in the same transaction, has brought its last
 * units back: no later return can be recorded. Belongs after the statement that changes the order.
 */
export function countReturned(
  db: D1Database,
  { id, orderId }: { id: string; orderId: string },
  now_ms: number,
): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO minutes (minute, returned)
       SELECT CAST(?2 AS INTEGER) / 60000, 1 FROM orders
       WHERE id = ?1 AND returned_at IS NOT NULL AND EXISTS (SELECT 1 FROM returns WHERE id = ?3)
       ON CONFLICT (minute) DO UPDATE SET returned = returned + 1`,
    )
    .bind(orderId, now_ms, id);
}

export interface Minute {
  minute_ms: number;
  placed: number;
  confirmed: number;
  paid: number;
  cancelled: number;
  /** Of the cancelled, those that an item has refused. */
  refused: number;
  /** Orders per latency bucket, in the order of `LATENCY_BOUNDS_MS`, and last those above them. */
  latencies: number[];
}

type MinuteRow = { minute: number } & Record<string, number>;

export function selectMinutesSince(db: D1Database, since_ms: number): D1PreparedStatement {
  return db
    .prepare("SELECT * FROM minutes WHERE minute >= ? AND minute > 0 ORDER BY minute")
    .bind(Math.floor(since_ms / 60_000));
}

export const minutesOf = (rows: unknown[]): Minute[] =>
  (rows as MinuteRow[]).map((row) => ({
    minute_ms: row.minute * 60_000,
    placed: row.placed ?? 0,
    confirmed: row.confirmed ?? 0,
    paid: row.paid ?? 0,
    cancelled: row.cancelled ?? 0,
    refused: row.refused ?? 0,
    latencies: LATENCY_COLUMNS.map((column) => row[column] ?? 0),
  }));

/** Orders that have left `pending`, counted by status. Reads at most `KEPT_MINUTES` rows and one. */
export function selectTotals(db: D1Database): D1PreparedStatement {
  return db.prepare(
    `SELECT coalesce(sum(confirmed) - sum(paid) - sum(withdrawn), 0) AS confirmed,
       coalesce(sum(paid) - sum(returned), 0) AS paid, coalesce(sum(returned), 0) AS returned,
       coalesce(sum(cancelled), 0) AS cancelled FROM minutes`,
  );
}

/** What was ever counted. */
export interface OrderSums {
  steps: Record<(typeof COUNT_COLUMNS)[number], number>;
  /** As of a minute. */
  latencies: number[];
}

/** Reads at most `KEPT_MINUTES` rows and one. */
export async function readSums(db: D1Database): Promise<OrderSums> {
  const sums = COLUMNS.map((column) => `coalesce(sum(${column}), 0) AS ${column}`).join(", ");
  const row = await db.prepare(`SELECT ${sums} FROM minutes`).first<Record<string, number>>();
  const of = (column: string) => row?.[column] ?? 0;
  return {
    steps: Object.fromEntries(
      COUNT_COLUMNS.map((column) => [column, of(column)]),
    ) as OrderSums["steps"],
    latencies: LATENCY_COLUMNS.map(of),
  };
}

/** Two days. */
const KEPT_MINUTES = 2_880;
/** Minutes folded in one step. */
const FOLD_STEP = 500;

/** Folds up to `FOLD_STEP` old minutes into minute 0, which keeps the table small. */
export async function foldMinutes(db: D1Database, now_ms: number): Promise<void> {
  const before = Math.floor(now_ms / 60_000) - KEPT_MINUTES;
  const old = `SELECT minute FROM minutes WHERE minute > 0 AND minute < ?1
               ORDER BY minute LIMIT ${FOLD_STEP}`;
  await db.batch([
    db
      .prepare(
        `INSERT INTO minutes (minute, ${COLUMNS.join(", ")})
         SELECT 0, ${SUMS} FROM minutes WHERE minute IN (${old}) HAVING count(*) > 0
         ON CONFLICT (minute) DO UPDATE SET ${ADD}`,
      )
      .bind(before),
    db.prepare(`DELETE FROM minutes WHERE minute IN (${old})`).bind(before),
  ]);
}
