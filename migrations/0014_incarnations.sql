-- The incarnation of the item (a life of its object in memory) that told the level. One that began below
-- this level and is another was not there when it was told: the item's storage was put back.
ALTER TABLE items ADD COLUMN incarnation TEXT;
