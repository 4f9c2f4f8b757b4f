/** The tables of one courier, in its Durable Object's SQLite. */

/** Migrations, each applied once and in order. Append only. */
export const COURIER_SCHEMA = [
  `CREATE TABLE events (
     seq INTEGER PRIMARY KEY,
     id TEXT NOT NULL UNIQUE,
     subject TEXT NOT NULL,
     type TEXT NOT NULL,
     customer_id TEXT,
     body TEXT NOT NULL,
     at INTEGER NOT NULL,
     state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'parked', 'delivered')),
     attempts INTEGER NOT NULL DEFAULT 0,
     last_at INTEGER,
     last_status INTEGER,
     last_answer TEXT,
     took_ms INTEGER
   ) STRICT;
   CREATE INDEX events_open ON events (state, seq) WHERE state <> 'delivered';`,
];
