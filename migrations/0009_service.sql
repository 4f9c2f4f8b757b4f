-- One row: how often the reconciler has looked at this database, and whether the service is frozen.
-- The reconciler keeps the same number in its own storage, so that a database that was put back to an
-- earlier state is noticed before anything acts on it.
CREATE TABLE service (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  beat INTEGER NOT NULL DEFAULT 0,
  beat_at INTEGER NOT NULL DEFAULT 0,
  frozen INTEGER NOT NULL DEFAULT 0 CHECK (frozen IN (0, 1))
) STRICT;

-- When an item first told an older version than before; NULL: it has not. Told again, it was put back.
ALTER TABLE items ADD COLUMN behind_at INTEGER;
-- When that was certain; NULL: it was not, or an operator has resumed the item since.
ALTER TABLE items ADD COLUMN put_back_at INTEGER;
CREATE INDEX items_put_back ON items (sku) WHERE put_back_at IS NOT NULL;

-- The idempotency key of the order, and its owner where that is not the customer. Its items keep both, so
-- that a repeat is recognised when the order had to be rebuilt from them.
ALTER TABLE orders ADD COLUMN idempotency_key TEXT;
ALTER TABLE orders ADD COLUMN idempotency_owner TEXT;

-- Since when the order's command contradicts what an item has decided; NULL: it does not. Tried by the hour.
ALTER TABLE orders ADD COLUMN breached_at INTEGER;
CREATE INDEX orders_breached ON orders (breached_at) WHERE breached_at IS NOT NULL;
