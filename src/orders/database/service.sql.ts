/** The table `service`: the beat of the database, and whether it is frozen. It may have no row yet. */

const BEAT = "coalesce((SELECT beat FROM service WHERE id = 1), 0)";
const FROZEN = "coalesce((SELECT frozen FROM service WHERE id = 1), 0)";

/**
 * What `abs` of the smallest integer throws (SQLite, "Built-in scalar functions"); no other statement of
 * ours can. The 1 is bound, so that no constant is computed before it is known to be needed.
 */
const FENCE_ERROR = /integer overflow/;

/**
 * Returns the beat of the database as `beat`. Aborts its transaction while the service is frozen, or if
 * the database is older than `beat`: it was put back, and what the caller knows of it is not true any
 * more. 0: any database will do.
 */
export const fence = (db: D1Database, beat: number, mayBeFrozen = false): D1PreparedStatement =>
  db
    .prepare(
      `SELECT iif(${BEAT} >= ?1 AND (?2 OR ${FROZEN} = 0), ${BEAT}, abs(-9223372036854775807 - CAST(?3 AS INTEGER))) AS beat`,
    )
    .bind(beat, mayBeFrozen ? 1 : 0, 1);

export const isFenceError = (error: unknown): boolean =>
  error instanceof Error && FENCE_ERROR.test(error.message);

/** Raises the beat, and returns what it was before. */
export async function raiseBeat(db: D1Database, now_ms: number): Promise<number> {
  const row = await db
    .prepare(
      `INSERT INTO service (id, beat, beat_at) VALUES (1, 1, ?1)
       ON CONFLICT (id) DO UPDATE SET beat = beat + 1, beat_at = excluded.beat_at RETURNING beat`,
    )
    .bind(now_ms)
    .first<{ beat: number }>();
  if (!row) throw new Error("the beat was not raised");
  return row.beat - 1;
}

export interface ServiceRow {
  beat: number;
  /** When the beat was last raised, by the clock of the reconciler. Milliseconds since 1970. */
  beatAt_ms: number;
  isFrozen: boolean;
}

export async function readService(db: D1Database): Promise<ServiceRow> {
  const row = await db
    .prepare("SELECT beat, beat_at, frozen FROM service WHERE id = 1")
    .first<{ beat: number; beat_at: number; frozen: number }>();
  return { beat: row?.beat ?? 0, beatAt_ms: row?.beat_at ?? 0, isFrozen: row?.frozen === 1 };
}

/**
 * Says in the database what the reconciler has decided. One that was put back a moment ago, and is older
 * than `beat`, is left as it is: raising its beat would hide that from the next check.
 */
export async function copyFrozen(db: D1Database, isFrozen: boolean, beat: number): Promise<void> {
  await db
    .prepare(
      `INSERT INTO service (id, beat, frozen) VALUES (1, 0, ?1)
       ON CONFLICT (id) DO UPDATE SET frozen = excluded.frozen WHERE beat >= ?2`,
    )
    .bind(isFrozen ? 1 : 0, beat)
    .run();
}

/** Freezes a database that was put back, which from now on counts as one of this beat. */
export async function saveFrozenAt(db: D1Database, beat: number): Promise<void> {
  await db
    .prepare(
      `INSERT INTO service (id, beat, frozen) VALUES (1, ?1, 1)
       ON CONFLICT (id) DO UPDATE SET frozen = 1, beat = max(beat, excluded.beat)`,
    )
    .bind(beat)
    .run();
}
