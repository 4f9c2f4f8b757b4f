-- The incarnation of the item (a life of its object in memory) that was the last to say which it is, and
-- the version of the level that it told. Another that began below that version was not there: the item's
-- storage was put back. An earlier version of the Worker may have written newer levels since.
ALTER TABLE items ADD COLUMN incarnation TEXT;
ALTER TABLE items ADD COLUMN incarnation_version INTEGER NOT NULL DEFAULT 0;
