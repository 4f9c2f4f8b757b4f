import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Puts a dead letter into the local D1 database, as its consumer would. */
export function putDeadLetter(state: string, letter: { id: string; body: unknown }): void {
  const folder = join(state, "v3/d1/miniflare-D1DatabaseObject");
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".sqlite"))) {
    const db = new DatabaseSync(join(folder, name));
    try {
      db.exec("PRAGMA busy_timeout = 5000");
      const isOurs = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'dead_letters'").get();
      if (!isOurs) continue;
      db.prepare("INSERT INTO dead_letters VALUES (?, 'order-events', ?, 10, ?, ?)").run(
        letter.id,
        JSON.stringify(letter.body),
        "cannot be decoded: Invalid type",
        Date.now(),
      );
      return;
    } finally {
      db.close();
    }
  }
  throw new Error("the database of the orders Worker was not found");
}
