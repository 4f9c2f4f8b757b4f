-- Orders that were refused at the door, which have no row: per minute (since 1970) and item. The row
-- with an empty SKU counts each order once, whatever it named.
CREATE TABLE door_refusals (
  minute INTEGER NOT NULL,
  sku TEXT NOT NULL,
  orders INTEGER NOT NULL,
  units INTEGER NOT NULL,
  PRIMARY KEY (minute, sku)
) STRICT, WITHOUT ROWID;

-- Of the cancelled, those that an item has refused.
ALTER TABLE minutes ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;
