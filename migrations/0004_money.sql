-- What a payment has to equal, in the order's currency; NULL: the total.
ALTER TABLE orders ADD COLUMN amount_due INTEGER;
-- JSON object of strings, the client's own; NULL: none.
ALTER TABLE orders ADD COLUMN metadata TEXT;
-- How often the payment window was extended.
ALTER TABLE orders ADD COLUMN extensions INTEGER NOT NULL DEFAULT 0;
-- The expired order whose late payment placed this one.
ALTER TABLE orders ADD COLUMN successor_of TEXT;
-- JSON object of SKU to returned units; NULL: nothing was returned.
ALTER TABLE orders ADD COLUMN returned TEXT;
-- When the last unit was returned; NULL: some are still sold.
ALTER TABLE orders ADD COLUMN returned_at INTEGER;
-- Partial, so that it costs no row for any other order.
CREATE UNIQUE INDEX orders_successor_of ON orders (successor_of) WHERE successor_of IS NOT NULL;

ALTER TABLE minutes ADD COLUMN returned INTEGER NOT NULL DEFAULT 0;

-- Every payment that was ever reported, whatever its order. Judged in the transaction that records
-- it, and again in the transactions of the order that it waits for.
CREATE TABLE payments (
  id INTEGER PRIMARY KEY,
  reference TEXT NOT NULL UNIQUE,
  -- As reported: the order may not exist.
  order_id TEXT NOT NULL,
  amount INTEGER NOT NULL,
  currency TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('applied', 'waiting', 'unmatched', 'refunded')),
  -- Why it was unmatched; kept when it is refunded.
  why TEXT CHECK (why IN ('unknown_order', 'amount', 'already_paid', 'ended')),
  -- The order that it pays instead of order_id, which had expired.
  successor_id TEXT,
  received_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  CHECK ((state IN ('unmatched', 'refunded')) = (why IS NOT NULL))
) STRICT;

CREATE INDEX payments_by_order ON payments (order_id);
CREATE INDEX payments_by_successor ON payments (successor_id) WHERE successor_id IS NOT NULL;
-- At most one applied payment an order, whatever the code does.
CREATE UNIQUE INDEX payments_applied ON payments (coalesce(successor_id, order_id))
  WHERE state = 'applied';
CREATE INDEX payments_waiting ON payments (coalesce(successor_id, order_id)) WHERE state = 'waiting';
CREATE INDEX payments_unmatched ON payments (id) WHERE state = 'unmatched';

-- Goods that came back. The row is its own outbox: due_at says when it is next sent to its items.
CREATE TABLE returns (
  id TEXT PRIMARY KEY,
  order_id TEXT NOT NULL,
  -- The caller's sub and Idempotency-Key.
  key_owner TEXT NOT NULL,
  key TEXT NOT NULL,
  -- [{sku, quantity}], one entry a SKU.
  lines TEXT NOT NULL,
  restock INTEGER NOT NULL CHECK (restock IN (0, 1)),
  reason TEXT NOT NULL,
  actor TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  -- NULL: every item has applied it.
  due_at INTEGER,
  attempts INTEGER NOT NULL DEFAULT 0,
  UNIQUE (key_owner, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX returns_by_order ON returns (order_id, id);
CREATE INDEX returns_due ON returns (due_at) WHERE due_at IS NOT NULL;
