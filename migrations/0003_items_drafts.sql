-- The revision grows with each change of the item's details, and is the first part of its ETag.
ALTER TABLE items ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
-- A draft is neither shown nor orderable.
ALTER TABLE items ADD COLUMN status TEXT NOT NULL DEFAULT 'listed' CHECK (status IN ('draft', 'listed'));
-- When the item was archived; NULL: it is not. Its open orders go on.
ALTER TABLE items ADD COLUMN archived_at INTEGER;

-- What buyers see.
CREATE INDEX items_listed ON items (sku) WHERE status = 'listed' AND archived_at IS NULL;
-- By the start of the sale; an item that was always on sale comes first.
CREATE INDEX items_by_sale ON items (coalesce(sale_starts_at, 0), sku);
