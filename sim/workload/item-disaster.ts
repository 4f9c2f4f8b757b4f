import type { SQLInputValue } from "node:sqlite";
import { Random } from "../../scripts/lib/random.ts";
import type { Row } from "../platform/sqlite.ts";
import type { ObjectStore } from "../platform/storage.ts";
import type { System } from "../system.ts";
import { type Call, HttpClient, isAnswered, RESCUER } from "./http-client.ts";

/**
 * The end of some runs: the storage of an item is put back to a moment in the midst of them, or is
 * gone. It has to be noticed and paused; the operator counts the shelf and repairs, and every order
 * that is confirmed or paid has its units again.
 */

const MINUTE_MS = 60_000;
/** Within which an item is asked for its level, however quiet it was. */
const NOTICED_MINUTES = 90;
const CALLS_MS = 20 * MINUTE_MS;
const MAX_REPAIRS = 8;
const PROBES = 2;

type Tables = Map<string, Row[]>;

const tablesOf = ({ engine: { db } }: ObjectStore): Tables =>
  new Map(
    db
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'schema_version'")
      .all()
      .map(({ name }) => [String(name), db.prepare(`SELECT * FROM ${String(name)}`).all()]),
  );

/** The storage of every item, at some moment. */
export class ItemBackups {
  readonly #kept = new Map<string, Tables>();

  constructor(system: System, from_ms: number, to_ms: number) {
    const at_ms = new Random(system.kernel.seed, "item backup").between(from_ms, to_ms);
    system.kernel.at(at_ms, "", () => {
      for (const { name, store } of system.classes.ITEM.all) {
        if (store.isUsed) this.#kept.set(name.slice("StockItem ".length), tablesOf(store));
      }
    });
  }

  of(sku: string): Tables | undefined {
    return this.#kept.get(sku);
  }
}

/** An item of which no unit came back: a return that the item has forgotten is for a human. */
function choose(system: System, random: Random, backups: ItemBackups) {
  const returned = new Set(
    [...system.orders.orders.values()].flatMap((order) => Object.keys(order.returned)),
  );
  const isGone = random.chance(0.4);
  const fit = [...system.items.items.values()].filter(({ sku, version }) => {
    const before = Number(backups.of(sku)?.get("item")?.[0]?.["level_version"] ?? 0);
    const isBehind = version > (isGone ? 0 : before);
    return !returned.has(sku) && isBehind && (isGone || backups.of(sku) !== undefined);
  });
  return fit.length === 0 ? null : { item: random.pick(fit), isGone };
}

function putBack({ engine: { db } }: ObjectStore, tables: Tables | undefined): void {
  const names = db
    .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'schema_version'")
    .all();
  for (const { name } of names) db.exec(`DELETE FROM ${String(name)}`);
  for (const [name, rows] of tables ?? []) {
    for (const row of rows) {
      const columns = Object.keys(row);
      const places = columns.map(() => "?").join(", ");
      const insert = db.prepare(`INSERT INTO ${name} (${columns.join(", ")}) VALUES (${places})`);
      insert.run(...(Object.values(row) as SQLInputValue[]));
    }
  }
}

export async function itemDisaster(
  system: System,
  backups: ItemBackups,
  isOver: () => boolean,
): Promise<void> {
  const { kernel, report } = system;
  const chosen = choose(system, new Random(kernel.seed, "lost item"), backups);
  if (!chosen) return;
  const { item, isGone } = chosen;
  const { sku, counters } = item;
  system.stopWatching();
  system.items.isOver = true;
  system.messages.isOver = true;
  system.shown.isOver = true;
  system.isClosed = true;
  system.isQuiet = false;
  const object = system.classes.ITEM.get(sku);
  object.reset("its storage is put back");
  kernel.note(`${sku} ${isGone ? "is gone" : "is put back"}`);
  putBack(object.store, isGone ? undefined : backups.of(sku));
  const operator = new HttpClient(system, RESCUER, { customerId: null, scope: "operator" });
  const during = async (work: () => Promise<unknown>): Promise<void> => {
    let isDone = false;
    kernel.after(0, "", () => void work().then(() => (isDone = true)));
    await kernel.runUntil(kernel.now_ms + CALLS_MS, () => isOver() || isDone);
    if (!isOver()) report.check(isDone, 19, () => "the operator's calls got no answer");
  };
  await during(() => probe(operator, sku));
  for (let minute = 0; minute < NOTICED_MINUTES && !isNoticed(system, sku); minute++) {
    await kernel.runUntil(kernel.now_ms + MINUTE_MS, isOver);
  }
  report.check(isNoticed(system, sku), 19, () => `${sku} went back, and nobody noticed`);
  if (isOver()) return;
  // What was delivered, and what the probes took of units that were sold.
  await during(() => count(operator, sku, counters.received + PROBES));
  let left: object[] = [];
  for (let tries = 0; tries < MAX_REPAIRS; tries++) {
    await during(async () => (left = await compare(operator)));
    if (isOver() || left.length === 0) break;
    await kernel.runUntil(kernel.now_ms + 3 * MINUTE_MS, isOver);
  }
  report.check(left.length === 0, 19, () => `the repair leaves ${JSON.stringify(left)}`);
  checkUnits(system, sku);
}

/** Orders of the item, as of any customer. */
async function probe(operator: HttpClient, sku: string): Promise<void> {
  for (let i = 0; i < PROBES; i++) {
    const body = { lines: [{ sku, quantity: 1 }], customerId: `probe${i}` };
    await operator.insist({ method: "POST", path: "/v1/orders", body }, 3);
    await operator.sleep(3_000);
  }
}

function isNoticed({ d1 }: System, sku: string): boolean {
  const { rows } = d1.engine.run(
    "SELECT 1 FROM items WHERE sku = ? AND put_back_at IS NOT NULL AND paused = 1",
    [sku],
  );
  return rows.length > 0;
}

async function count(operator: HttpClient, sku: string, delivered: number): Promise<void> {
  const path = `/v1/items/${sku}/stock`;
  const read = await operator.insist({ method: "GET", path }, 5);
  if (read?.status !== 200) return;
  const delta = delivered - (read.body as { received: number }).received;
  const headers = { "Idempotency-Key": "shelf" };
  const call: Call = { method: "POST", path, body: { delta, reason: "counted" }, headers };
  if (delta !== 0) await operator.insist(call, 5);
}

/** A whole comparison with repair; what differs. */
async function compare(operator: HttpClient): Promise<object[]> {
  const found: object[] = [];
  let cursor: string | null = null;
  do {
    const body: object = { repair: true, cursor };
    const call: Call = { method: "POST", path: "/v1/operations/reconcile", body };
    const heard = await operator.insist(call, 5);
    if (!isAnswered(heard) || heard.status !== 200) return [{ status: heard?.status }];
    const page = heard.body as { differences: object[]; nextCursor: string | null };
    found.push(...page.differences);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return found;
}

function checkUnits({ d1, report, classes }: System, sku: string): void {
  const { rows } = d1.engine.run("SELECT status, lines FROM orders", []);
  const units: Record<string, number> = { confirmed: 0, paid: 0 };
  for (const { status, lines } of rows) {
    const all = JSON.parse(String(lines)) as { sku: string; quantity: number }[];
    const own = all.find((line) => line.sku === sku)?.quantity ?? 0;
    units[String(status)] = (units[String(status)] ?? 0) + own;
  }
  const [row] = classes.ITEM.get(sku).store.engine.run("SELECT held, sold FROM item", []).rows;
  report.check(
    row?.["held"] === units["confirmed"] && row?.["sold"] === units["paid"],
    19,
    () => `${sku} is ${JSON.stringify(row)}, its orders say ${JSON.stringify(units)}`,
  );
}
