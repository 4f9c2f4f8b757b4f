import type { DeadLetter } from "../../contract/delivery.ts";

/** The table `dead_letters`: written by the consumers, emptied by operators. */

interface DeadLetterRow {
  id: string;
  queue: string;
  body: string;
  attempts: number;
  error: string;
  at: number;
}

/** D1 takes a value of 2 MB; a message has at most 128 KB, so this only guards the future. */
const MAX_BODY_CHARS = 500_000;

/** Stores letters; one that is there already stays as it was. */
export async function keepLetters(db: D1Database, letters: readonly DeadLetter[]): Promise<void> {
  await db.batch(
    letters.map(({ id, queue, body, attempts, error, at }) =>
      db
        .prepare(
          `INSERT INTO dead_letters (id, queue, body, attempts, error, at)
           VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
        )
        .bind(id, queue, bodyText(body), attempts, error, Date.parse(at) || 0),
    ),
  );
}

function bodyText(body: unknown): string {
  try {
    return (JSON.stringify(body) ?? "null").slice(0, MAX_BODY_CHARS);
  } catch {
    // A body that was not sent as JSON may hold what JSON has no form for.
    return JSON.stringify(String(body)).slice(0, MAX_BODY_CHARS);
  }
}

/** Oldest first. `after` is the last letter of the page before. */
export async function listLetters(
  db: D1Database,
  { after, limit }: { after: { at_ms: number; id: string } | null; limit: number },
): Promise<DeadLetter[]> {
  const { results } = await db
    .prepare(
      `SELECT * FROM dead_letters INDEXED BY dead_letters_by_age
       WHERE (at, id) > (?1, ?2) ORDER BY at, id LIMIT ?3`,
    )
    .bind(after?.at_ms ?? -1, after?.id ?? "", limit)
    .all<DeadLetterRow>();
  return results.map(letterOf);
}

export async function getLetter(db: D1Database, id: string): Promise<DeadLetter | null> {
  const row = await db
    .prepare("SELECT * FROM dead_letters WHERE id = ?")
    .bind(id)
    .first<DeadLetterRow>();
  return row && letterOf(row);
}

/** Whether it was there. */
export async function dropLetter(db: D1Database, id: string): Promise<boolean> {
  const { meta } = await db.prepare("DELETE FROM dead_letters WHERE id = ?").bind(id).run();
  return meta.changes > 0;
}

function letterOf({ id, queue, body, attempts, error, at }: DeadLetterRow): DeadLetter {
  return { id, queue, body: parsed(body), attempts, error, at: new Date(at).toISOString() };
}

/** A body that was cut is no JSON any more: then its text is the body. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
