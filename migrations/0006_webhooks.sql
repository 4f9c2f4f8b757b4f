-- The endpoints of the shop that are told what happens. Their deliveries are in their Courier objects.
CREATE TABLE webhooks (
  id TEXT PRIMARY KEY,
  url TEXT NOT NULL,
  -- JSON list of the types of changes that it gets.
  types TEXT NOT NULL,
  secret TEXT NOT NULL,
  -- Signs beside the new one until then; NULL: there is none.
  previous_secret TEXT,
  previous_until INTEGER,
  state TEXT NOT NULL DEFAULT 'on' CHECK (state IN ('on', 'off')),
  -- Why it is off: an operator, a 410 of the endpoint, or changes that are no longer kept.
  why TEXT CHECK (why IN ('operator', 'gone', 'changes_reset')),
  off_since INTEGER,
  -- Where its courier begins, as a cursor of the changes.
  starts_after TEXT NOT NULL,
  -- Since when its deliveries have failed; NULL: they do not.
  failing_since INTEGER,
  created_at INTEGER NOT NULL,
  CHECK ((state = 'off') = (why IS NOT NULL))
) STRICT, WITHOUT ROWID;
