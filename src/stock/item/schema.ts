import type { Movement } from "../../contract/stock-api.ts";
import type { LockState } from "./rules.ts";

/** The tables of one stock item, in its Durable Object's SQLite. */

/** Migrations, each applied once and in order. Append only: `test/compat` holds what is released. */
export const SCHEMA = [
  `CREATE TABLE item (
     one INTEGER PRIMARY KEY CHECK (one = 1),
     sku TEXT NOT NULL,
     received INTEGER NOT NULL DEFAULT 0,
     available INTEGER NOT NULL DEFAULT 0 CHECK (available >= 0),
     held INTEGER NOT NULL DEFAULT 0 CHECK (held >= 0),
     sold INTEGER NOT NULL DEFAULT 0 CHECK (sold >= 0),
     level_version INTEGER NOT NULL DEFAULT 0,
     breaches INTEGER NOT NULL DEFAULT 0,
     counts_customers INTEGER NOT NULL DEFAULT 0,
     watermark_ms INTEGER NOT NULL DEFAULT 0,
     prune_cursor TEXT NOT NULL DEFAULT '',
     prune_at INTEGER NOT NULL DEFAULT 0,
     CHECK (received = available + held + sold)
   ) STRICT;
   CREATE TABLE locks (
     order_id TEXT PRIMARY KEY,
     customer_id TEXT,
     quantity INTEGER NOT NULL,
     state TEXT NOT NULL CHECK (state IN ('held', 'sold', 'refused', 'released')),
     shortage TEXT,
     ended_at INTEGER
   ) STRICT, WITHOUT ROWID;
   CREATE TABLE movements (
     seq INTEGER PRIMARY KEY,
     kind TEXT NOT NULL,
     quantity INTEGER NOT NULL,
     order_id TEXT,
     operation_id TEXT,
     reason TEXT,
     at INTEGER NOT NULL,
     available INTEGER NOT NULL,
     held INTEGER NOT NULL,
     sold INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE operations (
     id TEXT PRIMARY KEY,
     delta INTEGER NOT NULL,
     result TEXT NOT NULL,
     at INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE customers (
     customer_id TEXT PRIMARY KEY,
     units INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;`,
  // For this statement SQLite reads all rows of a STRICT table once: 0.1 ms for a thousand.
  "ALTER TABLE movements ADD COLUMN earlier TEXT;",
  `ALTER TABLE locks ADD COLUMN returned INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE movements ADD COLUMN actor TEXT;
   CREATE TABLE returns (
     id TEXT PRIMARY KEY,
     order_id TEXT NOT NULL,
     quantity INTEGER NOT NULL,
     restock INTEGER NOT NULL,
     at INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;`,
  `ALTER TABLE item ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
   ALTER TABLE item ADD COLUMN pause_changed_at INTEGER;
   ALTER TABLE item ADD COLUMN pause_changed_by TEXT;`,
  // JSON (`Origin`): what the order has to be rebuilt from. NULL: an earlier version kept none.
  `ALTER TABLE locks ADD COLUMN origin TEXT;
   ALTER TABLE item ADD COLUMN listed INTEGER NOT NULL DEFAULT 0;`,
  // The price of a unit. NULL: an earlier version kept none.
  `ALTER TABLE locks ADD COLUMN price INTEGER;
   ALTER TABLE locks ADD COLUMN currency TEXT;`,
  // By which a return is known that is repeated with another id. NULL: an earlier version kept none.
  `ALTER TABLE returns ADD COLUMN request_hash TEXT;
   CREATE INDEX returns_by_request ON returns (request_hash) WHERE request_hash IS NOT NULL;`,
];

/** Applies the migrations that the object does not have yet. */
export function migrate(sql: SqlStorage): void {
  sql.exec("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL) STRICT");
  const [row] = sql.exec<{ version: number }>("SELECT version FROM schema_version");
  // Keeps a newer version: an older Worker (a rollback) must not make it migrate twice.
  if (row && row.version >= SCHEMA.length) return;
  for (const statements of SCHEMA.slice(row?.version ?? 0)) sql.exec(statements);
  if (row === undefined) sql.exec("INSERT INTO schema_version (version) VALUES (?)", SCHEMA.length);
  else sql.exec("UPDATE schema_version SET version = ?", SCHEMA.length);
}

export type ItemRow = {
  sku: string;
  received: number;
  available: number;
  held: number;
  sold: number;
  level_version: number;
  breaches: number;
  counts_customers: number;
  watermark_ms: number;
  prune_cursor: string;
  prune_at: number;
  paused: number;
  pause_changed_at: number | null;
  /** JSON. */
  pause_changed_by: string | null;
  /** Whether the index of items has this one. */
  listed: number;
};

export type LockRow = {
  order_id: string;
  customer_id: string | null;
  quantity: number;
  state: LockState;
  shortage: string | null;
  returned: number;
};

export type OriginRow = LockRow & { origin: string | null };

/** One row for all movements of a call: the last one in its columns, the others in `earlier`. */
export type MovementRow = {
  seq: number;
  kind: Movement["kind"];
  quantity: number;
  order_id: string | null;
  operation_id: string | null;
  reason: string | null;
  /** JSON. */
  actor: string | null;
  at: number;
  available: number;
  held: number;
  sold: number;
  /** JSON of `EarlierMovement[]`, oldest first. Their `seq` are the numbers just below this row's. */
  earlier: string | null;
};

/** Has the time of its row. Only movements of orders, not adjustments, share a row. */
export type EarlierMovement = Pick<
  MovementRow,
  "kind" | "quantity" | "order_id" | "available" | "held" | "sold"
>;
