-- How long after level_at the sold-out gate trusts the level, in milliseconds. It grows while the item
-- tells the same, and the item is asked again in the last round before it ends.
ALTER TABLE items ADD COLUMN level_trust INTEGER NOT NULL DEFAULT 90000;
-- 1: the item takes no more locks.
ALTER TABLE items ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;

-- The items of which orders are refused at the door: these are asked first.
CREATE INDEX items_refusing ON items (sku) WHERE available = 0 OR paused = 1;
-- Few or none, so that the dashboard adds them up without reading the catalogue.
CREATE INDEX items_breached ON items (sku) WHERE breaches > 0;

-- One row: how long a round over items_refusing takes. No row: a minute.
CREATE TABLE level_round (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  round_ms INTEGER NOT NULL
) STRICT;
