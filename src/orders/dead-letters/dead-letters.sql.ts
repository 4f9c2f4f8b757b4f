import type { DeadLetter } from "../../contract/dead-letter.ts";
import { SCAN_ROWS, type TableScan } from "../database/table-scan.ts";

/** The table `dead_letters`: consumers write it, operators empty it. */

type DeadLetterRow = Omit<DeadLetter, "body" | "at"> & { body: string; at: number };

/** In UTF-16 code units. As JSON text this is at most 1.5 MB; D1's limit for a value is 2 MB. */
const MAX_BODY_CHARS = 500_000;
/**
 * Limits of one statement: bytes because of D1's limit for a value, dead letters so that no
 * statement takes long. A full batch (100 messages of at most 128 KB and 100 events) makes about 30
 * statements; D1's limit is 1,000 for each invocation.
 */
const MAX_STATEMENT_BYTES = 1_000_000;
const MAX_STATEMENT_LETTERS = 500;

/** Stores dead letters in one transaction; one that is stored already stays unchanged. */
export async function storeDeadLetters(
  db: D1Database,
  letters: readonly DeadLetter[],
): Promise<void> {
  const insert = db.prepare(
    `INSERT INTO dead_letters (id, queue, body, attempts, error, at)
     SELECT value->>'id', value->>'queue', value->>'body', CAST(value->>'attempts' AS INTEGER),
       value->>'error', CAST(value->>'at' AS INTEGER)
     FROM json_each(?1) WHERE true ON CONFLICT (id) DO NOTHING`,
  );
  await db.batch(statementBatches(letters.map(rowOf)).map((array) => insert.bind(array)));
}

const rowOf = ({ id, queue, body, attempts, error, at }: DeadLetter): string =>
  JSON.stringify({ id, queue, body: bodyText(body), attempts, error, at: Date.parse(at) || 0 });

/** Groups rows into JSON arrays within the limits of a statement; a larger row gets its own. */
function statementBatches(rows: readonly string[]): string[] {
  const groups: string[][] = [];
  let bytes = 0;
  for (const row of rows) {
    const size = utf8.encode(row).byteLength;
    const last = groups.at(-1);
    const hasRoom = last && last.length < MAX_STATEMENT_LETTERS;
    if (hasRoom && bytes + size <= MAX_STATEMENT_BYTES) {
      last.push(row);
      bytes += size;
    } else {
      groups.push([row]);
      bytes = size;
    }
  }
  return groups.map((group) => `[${group.join(",")}]`);
}

const utf8 = new TextEncoder();

function bodyText(body: unknown): string {
  const text = jsonText(body);
  // The cut may leave a lone surrogate, which UTF-8 cannot encode.
  return text.length > MAX_BODY_CHARS ? text.slice(0, MAX_BODY_CHARS).toWellFormed() : text;
}

function jsonText(body: unknown): string {
  try {
    return JSON.stringify(body) ?? "null";
  } catch {
    // A body that was not sent as JSON may hold values that JSON cannot express.
    return JSON.stringify(String(body));
  }
}

/** Lists the oldest first. `after` is the last dead letter of the previous page. */
export async function listDeadLetters(
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
  return results.map(deadLetterFromRow);
}

export async function getDeadLetter(db: D1Database, id: string): Promise<DeadLetter | null> {
  const row = await db
    .prepare("SELECT * FROM dead_letters WHERE id = ?")
    .bind(id)
    .first<DeadLetterRow>();
  return row && deadLetterFromRow(row);
}

/** Returns whether the dead letter existed. */
export async function deleteDeadLetter(db: D1Database, id: string): Promise<boolean> {
  const { meta } = await db.prepare("DELETE FROM dead_letters WHERE id = ?").bind(id).run();
  return meta.changes > 0;
}

/** The members of events in which a customer, or the actor or owner of a key, is named. */
const NAMING = ["customerId", "sub", "keyOwner"];
const inEachMember = NAMING.reduce(
  (text, name) => `replace(${text}, '"${name}":' || ?1, '"${name}":' || ?2)`,
  "body",
);

/**
 * Puts another id in the place of a customer's, in the members that name one: a SKU may be the same
 * text. In the JSON text, because a long body is cut and cannot be parsed any more; a quote within a
 * string is escaped, so only a member matches. Scans the table, which operators keep short.
 */
export const eraseFromDeadLetters = (
  db: D1Database,
  customerId: string,
  erasedId: string,
): D1PreparedStatement =>
  db
    .prepare(`UPDATE dead_letters SET body = ${inEachMember} WHERE instr(body, ?1) > 0`)
    .bind(JSON.stringify(customerId), JSON.stringify(erasedId));

/** Deletes dead letters older than `cutoff_ms`, the oldest first by their index. */
export function deleteOldDeadLetters(db: D1Database, cutoff_ms: number): TableScan {
  return async () => {
    const { meta } = await db
      .prepare(
        `DELETE FROM dead_letters WHERE id IN
           (SELECT id FROM dead_letters WHERE at < ?1 ORDER BY at LIMIT ${SCAN_ROWS})`,
      )
      .bind(cutoff_ms)
      .run();
    const { changes } = meta;
    return { next: changes < SCAN_ROWS ? "" : "more", scanned: changes, deleted: changes };
  };
}

function deadLetterFromRow({ id, queue, body, attempts, error, at }: DeadLetterRow): DeadLetter {
  return { id, queue, body: parseBody(body), attempts, error, at: new Date(at).toISOString() };
}

/** A truncated body is not valid JSON any more, so its text is returned instead. */
function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
