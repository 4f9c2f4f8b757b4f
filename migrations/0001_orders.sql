-- Times are milliseconds since 1970 (INTEGER). docs/storage.md says who writes and reads what.

-- The catalogue, and the read model of each item's stock (written from stock.level only).
CREATE TABLE items (
  sku TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  price_amount INTEGER NOT NULL CHECK (price_amount >= 0),
  price_currency TEXT NOT NULL,
  limit_per_customer INTEGER,
  sale_starts_at INTEGER,
  sale_ends_at INTEGER,
  updated_at INTEGER NOT NULL,
  received INTEGER NOT NULL DEFAULT 0,
  available INTEGER NOT NULL DEFAULT 0,
  held INTEGER NOT NULL DEFAULT 0,
  sold INTEGER NOT NULL DEFAULT 0,
  level_version INTEGER NOT NULL DEFAULT 0,
  -- Commands that contradicted what the item had decided, counted by it.
  breaches INTEGER NOT NULL DEFAULT 0,
  -- When the level was last confirmed by the item; NULL: never. An old one closes no gate.
  level_at INTEGER
) STRICT, WITHOUT ROWID;

-- One row an order. The row is its own outbox: due_at says when somebody has to look at it again,
-- awaits says what its stock has not acknowledged yet.
CREATE TABLE orders (
  id TEXT PRIMARY KEY,
  customer_id TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'confirmed', 'paid', 'cancelled')),
  reason TEXT,
  lines TEXT NOT NULL,
  shortages TEXT,
  total_amount INTEGER NOT NULL,
  currency TEXT NOT NULL,
  revision INTEGER NOT NULL,
  placed_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  pay_by INTEGER,
  awaits TEXT CHECK (awaits IN ('lock', 'release', 'commit')),
  due_at INTEGER,
  attempts INTEGER NOT NULL DEFAULT 0,
  -- [{revision, status, reason, at}]: in the row, because a table of its own would cost a row a step.
  history TEXT NOT NULL,
  CHECK (awaits IS NULL OR due_at IS NOT NULL),
  CHECK ((status = 'cancelled') = (reason IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX orders_by_customer ON orders (customer_id, id);
-- Leaving a partial index costs no row (platform note), so a settled order pays for it only once.
-- With awaits in it, what is unsettled is counted without touching the orders.
CREATE INDEX orders_due ON orders (due_at, awaits) WHERE due_at IS NOT NULL;

CREATE TABLE idempotency_keys (
  customer_id TEXT NOT NULL,
  key TEXT NOT NULL,
  order_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (customer_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- Customers whose feed has a socket open: only these feeds are told.
CREATE TABLE presence (
  customer_id TEXT PRIMARY KEY,
  since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE dead_letters (
  id TEXT PRIMARY KEY,
  queue TEXT NOT NULL,
  body TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  error TEXT NOT NULL,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX dead_letters_by_age ON dead_letters (at);

-- What happened in each minute (since 1970), written once a settled batch. Minute 0 holds the sum
-- of all that is too old to be kept by the minute. An order is counted as placed when it leaves
-- pending: until then the index orders_due counts it.
CREATE TABLE minutes (
  minute INTEGER PRIMARY KEY,
  placed INTEGER NOT NULL DEFAULT 0,
  confirmed INTEGER NOT NULL DEFAULT 0,
  paid INTEGER NOT NULL DEFAULT 0,
  cancelled INTEGER NOT NULL DEFAULT 0,
  -- Of the cancelled, those that had been confirmed.
  withdrawn INTEGER NOT NULL DEFAULT 0,
  -- Orders whose stock was decided within so many milliseconds of placing; ms_more: later.
  ms_5 INTEGER NOT NULL DEFAULT 0,
  ms_10 INTEGER NOT NULL DEFAULT 0,
  ms_20 INTEGER NOT NULL DEFAULT 0,
  ms_30 INTEGER NOT NULL DEFAULT 0,
  ms_50 INTEGER NOT NULL DEFAULT 0,
  ms_75 INTEGER NOT NULL DEFAULT 0,
  ms_100 INTEGER NOT NULL DEFAULT 0,
  ms_150 INTEGER NOT NULL DEFAULT 0,
  ms_200 INTEGER NOT NULL DEFAULT 0,
  ms_300 INTEGER NOT NULL DEFAULT 0,
  ms_500 INTEGER NOT NULL DEFAULT 0,
  ms_750 INTEGER NOT NULL DEFAULT 0,
  ms_1000 INTEGER NOT NULL DEFAULT 0,
  ms_1500 INTEGER NOT NULL DEFAULT 0,
  ms_2000 INTEGER NOT NULL DEFAULT 0,
  ms_3000 INTEGER NOT NULL DEFAULT 0,
  ms_5000 INTEGER NOT NULL DEFAULT 0,
  ms_10000 INTEGER NOT NULL DEFAULT 0,
  ms_30000 INTEGER NOT NULL DEFAULT 0,
  ms_60000 INTEGER NOT NULL DEFAULT 0,
  ms_more INTEGER NOT NULL DEFAULT 0
) STRICT;
