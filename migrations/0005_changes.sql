-- What a shop follows: the steps of orders, payments and items, in the order of commits. One row a
-- transaction. An id is never used twice: the newest row stays, and an insert takes the next higher id.
CREATE TABLE changes (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  -- [[type, order id, revision] | [type, payment id] | [type, SKU]], at least one.
  entries TEXT NOT NULL
) STRICT;

-- One row, which the first reader makes. Another epoch ends all cursors: they would go on in another past.
CREATE TABLE change_epoch (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  epoch TEXT NOT NULL
) STRICT;

-- The row of changes that lists the last change, and the revision before the first step in that row.
ALTER TABLE orders ADD COLUMN changed_in INTEGER;
ALTER TABLE orders ADD COLUMN changed_from INTEGER;
ALTER TABLE payments ADD COLUMN changed_in INTEGER;
ALTER TABLE items ADD COLUMN changed_in INTEGER;
