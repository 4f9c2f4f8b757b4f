-- Erasures that still go over the items, and the last SKU that is done. The row goes with the end of
-- the erasure, since it names the customer.
CREATE TABLE erasures (
  customer_id TEXT PRIMARY KEY,
  erased_id TEXT NOT NULL,
  after_sku TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
