/** The table `level_round`. The sold-out gate reads it, where it judges levels. */

/** Says how long it takes to ask every item that refuses orders. Writes a row when that changes. */
export async function saveRoundLength(db: D1Database, round_ms: number): Promise<void> {
  await db
    .prepare(
      `INSERT INTO level_round (id, round_ms) VALUES (1, ?)
       ON CONFLICT (id) DO UPDATE SET round_ms = excluded.round_ms
       WHERE level_round.round_ms <> excluded.round_ms`,
    )
    .bind(round_ms)
    .run();
}
