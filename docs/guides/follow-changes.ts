import process from "node:process";
import { DatabaseSync } from "node:sqlite";

/** A reader of everything that happens. docs/guides/react-to-orders.md explains it. */

const {
  LOCKSTOCK_URL = "http://localhost:8787",
  LOCKSTOCK_TOKEN = "",
  DATABASE = "shop.db",
} = process.env;
const RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;

interface Change {
  type: string;
  at: string;
  orderId?: string;
  revision?: number;
  order?: { id: string; status: string; revision: number } | null;
}
interface Page {
  changes: Change[];
  nextCursor: string;
}

/** The shop's own database. The cursor is stored with what was done up to it. */
const db = new DatabaseSync(DATABASE);
db.exec(`PRAGMA journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS progress (one INTEGER PRIMARY KEY CHECK (one = 1), cursor TEXT);
  CREATE TABLE IF NOT EXISTS steps (id INTEGER PRIMARY KEY, order_id TEXT, revision INTEGER, type TEXT);`);
const load = db.prepare("SELECT cursor FROM progress");
const save = db.prepare(`INSERT INTO progress (one, cursor) VALUES (1, ?1)
  ON CONFLICT (one) DO UPDATE SET cursor = ?1`);
const step = db.prepare("INSERT INTO steps (order_id, revision, type) VALUES (?, ?, ?)");

/** All changes of a page and its cursor are one transaction: each change is handled exactly once. */
function handle({ changes, nextCursor }: Page): void {
  db.exec("BEGIN IMMEDIATE");
  try {
    for (const { type, orderId, revision } of changes) {
      if (orderId !== undefined) step.run(orderId, revision ?? 0, type);
    }
    save.run(nextCursor);
    db.exec("COMMIT");
  } catch (error) {
    db.exec("ROLLBACK");
    throw error;
  }
}

/** The next page; it waits up to ten seconds for one. Null: the cursor is too old to be continued. */
async function read(after: string | null): Promise<Page | null> {
  const query = after === null ? "" : `?after=${encodeURIComponent(after)}`;
  const response = await fetch(`${LOCKSTOCK_URL}/v1/changes${query}`, {
    headers: { Authorization: `Bearer ${LOCKSTOCK_TOKEN}`, Prefer: "wait=10" },
    signal: AbortSignal.timeout(30_000),
  });
  if (response.status === 410) return null;
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return (await response.json()) as Page;
}

/** With jitter, so that many readers do not come back at once. */
const pause = (most_ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, most_ms * (0.5 + Math.random() / 2)));

let failures = 0;
let cursor = (load.get() as { cursor: string } | undefined)?.cursor ?? null;
console.log(`following from ${cursor ?? "the oldest change"}`);
for (;;) {
  try {
    const page = await read(cursor);
    if (page === null) {
      // Changes are kept for 30 days. Read your open orders once more, then follow from the oldest.
      console.error("changes were missed: open orders have to be read again");
      cursor = null;
      continue;
    }
    handle(page);
    // An empty page that came at once: the server has no room for another reader who waits.
    if (page.changes.length === 0) await pause(RETRY_MS);
    cursor = page.nextCursor;
    failures = 0;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    const pause_ms = Math.min(MAX_RETRY_MS, RETRY_MS * 2 ** failures++);
    await pause(pause_ms);
  }
}
