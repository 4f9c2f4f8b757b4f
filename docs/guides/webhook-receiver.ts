import { createServer, type IncomingMessage } from "node:http";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { Webhook } from "standardwebhooks";

/** An endpoint that Lockstock tells what happens. docs/guides/react-to-orders.md explains it. */

const { WEBHOOK_SECRET = "", PORT = "8081", DATABASE = "shop.db" } = process.env;
const webhook = new Webhook(WEBHOOK_SECRET);

interface Event {
  type: string;
  timestamp: string;
  data: { id: string; status: string; revision: number };
}

/** The shop's own database. `handled` makes a repeated event harmless. */
const db = new DatabaseSync(DATABASE);
db.exec(`PRAGMA journal_mode = WAL;
  CREATE TABLE IF NOT EXISTS handled (event_id TEXT PRIMARY KEY) WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, status TEXT, revision INTEGER);
  CREATE TABLE IF NOT EXISTS mails (id INTEGER PRIMARY KEY, order_id TEXT, about TEXT);`);
const once = db.prepare("INSERT OR IGNORE INTO handled (event_id) VALUES (?)");
const store = db.prepare(`INSERT INTO orders (id, status, revision) VALUES (?1, ?2, ?3)
  ON CONFLICT (id) DO UPDATE SET status = ?2, revision = ?3 WHERE revision < ?3`);
const mail = db.prepare("INSERT INTO mails (order_id, about) VALUES (?, ?)");

/** The event and what it causes are one transaction: after a crash it is either done or repeated. */
function handle(id: string, { type, data }: Event): void {
  db.exec("BEGIN IMMEDIATE");
  try {
    if (once.run(id).changes > 0 && type.startsWith("order.")) {
      store.run(data.id, data.status, data.revision);
      if (type === "order.confirmed" || type === "order.cancelled") mail.run(data.id, type);
    }
    db.exec("COMMIT");
  } catch (error) {
    db.exec("ROLLBACK");
    throw error;
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) text += String(chunk);
  return text;
}

const server = createServer((request, response) => {
  void (async () => {
    const text = await textOf(request);
    const headers = request.headers as Record<string, string>;
    try {
      // Over the text as it came: parsed and written again it would be signed otherwise.
      webhook.verify(text, headers);
    } catch {
      return response.writeHead(401).end("the signature is not valid");
    }
    try {
      handle(headers["webhook-id"] ?? "", JSON.parse(text) as Event);
      return response.writeHead(204).end();
    } catch (error) {
      console.error(error);
      // 5xx: Lockstock sends it again later, and everything behind it waits.
      return response.writeHead(503).end("try again later");
    }
  })();
});
server.listen(Number(PORT), () => console.log(`listening on port ${PORT}`));
