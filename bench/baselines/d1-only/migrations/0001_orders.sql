-- Nothing that the measured calls do not need: no index but the keys, no history, no total.
CREATE TABLE items (sku TEXT PRIMARY KEY, available INTEGER NOT NULL CHECK (available >= 0)) WITHOUT ROWID;
CREATE TABLE orders (
  id TEXT PRIMARY KEY,
  customer_id TEXT NOT NULL,
  status TEXT NOT NULL,
  lines TEXT NOT NULL,
  placed_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;
