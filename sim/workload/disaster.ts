import type { SQLInputValue } from "node:sqlite";
import { Random } from "../../scripts/lib/random.ts";
import type { KnownOrder } from "../model/orders.ts";
import type { Row } from "../platform/sqlite.ts";
import type { System } from "../system.ts";
import { HttpClient, isAnswered, RESCUER } from "./http-client.ts";

/**
 * The end of some runs: the database is put back to a moment in the midst of them, and the operator
 * does what the runbook says while faults go on. Everybody's order has to be what they were told.
 */

const MINUTE_MS = 60_000;
/** In which a restored database is noticed: the cron, or two when one is missed. */
const NOTICED_MS = 3 * MINUTE_MS;
/** For all of the operator's calls. */
const CALLS_MS = 30 * MINUTE_MS;
const SETTLED_MS = 180_000;
const TRIES = 100;

type Tables = Map<string, Row[]>;

/** A whole database, as Time Travel keeps it. */
export class Backup {
  readonly #system: System;
  #tables: Tables | null = null;

  /** To be taken between the opening and the end of the faults. */
  constructor(system: System, from_ms: number, to_ms: number) {
    this.#system = system;
    const at_ms = new Random(system.kernel.seed, "backup").between(from_ms, to_ms);
    system.kernel.at(at_ms, "", () => {
      this.#tables = this.#read();
    });
  }

  #read(): Tables {
    const { db } = this.#system.d1.engine;
    const names = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    return new Map(
      names.map(({ name }) => [String(name), db.prepare(`SELECT * FROM ${String(name)}`).all()]),
    );
  }

  restore(): void {
    const { db } = this.#system.d1.engine;
    this.#system.kernel.note("the database is put back");
    db.exec("BEGIN");
    for (const [name, rows] of this.#tables ?? []) {
      db.exec(`DELETE FROM ${name}`);
      for (const row of rows) {
        const columns = Object.keys(row);
        const places = columns.map(() => "?").join(", ");
        const insert = db.prepare(`INSERT INTO ${name} (${columns.join(", ")}) VALUES (${places})`);
        insert.run(...(Object.values(row) as SQLInputValue[]));
      }
    }
    db.exec("COMMIT");
  }

  get isTaken(): boolean {
    return this.#tables !== null;
  }
}

export async function disaster(
  system: System,
  backup: Backup,
  isOver: () => boolean,
): Promise<void> {
  const { kernel, report, orders, shown } = system;
  if (!backup.isTaken) return;
  const told = [...orders.orders.values()];
  const keys = [...orders.keys];
  system.stopWatching();
  shown.isOver = true;
  system.isClosed = true;
  system.isQuiet = false;
  backup.restore();
  const operator = new HttpClient(system, RESCUER, { customerId: null, scope: "operator" });
  kernel.faults.isActive = true;
  kernel.heal_ms = kernel.now_ms + CALLS_MS;
  await kernel.runUntil(kernel.now_ms + NOTICED_MS, isOver);
  let isRecovered = false;
  kernel.after(0, "", () => void recover(operator).then((is) => (isRecovered = is)));
  await kernel.runUntil(kernel.now_ms + CALLS_MS, () => isOver() || isRecovered);
  report.check(isRecovered, 19, () => "the restored database was not recovered");
  kernel.faults.isActive = false;
  if (isOver()) return;
  checkTold(system, told);
  checkKeys(system, keys);
  let isThawed = false;
  const thaw = { method: "POST", path: "/v1/operations/thaw" } as const;
  kernel.after(0, "", () => {
    void operator.insist(thaw, TRIES).then((heard) => (isThawed = heard?.status === 200));
  });
  await kernel.runUntil(kernel.now_ms + MINUTE_MS, () => isOver() || isThawed);
  report.check(isThawed, 19, () => "the service does not thaw");
  await kernel.runUntil(kernel.now_ms + SETTLED_MS, isOver);
  if (isOver()) return;
  checkTold(system, told);
  checkUnits(system, told);
}

/** Whole runs, until one gets to its end: a reset, a lost answer or a second restore begins it anew. */
async function recover(operator: HttpClient): Promise<boolean> {
  for (let tries = 0; tries < TRIES; tries++) {
    if (await recoverOnce(operator)) return true;
    await operator.sleep(5_000);
  }
  return false;
}

async function recoverOnce(operator: HttpClient): Promise<boolean> {
  let cursor: string | null = null;
  for (let pages = 0; pages < TRIES; pages++) {
    const body: object = { apply: true, cursor };
    const call = { method: "POST", path: "/v1/operations/recover", body } as const;
    const heard = await operator.insist(call, 10);
    if (!isAnswered(heard) || heard.status !== 200) return false;
    cursor = (heard.body as { nextCursor: string | null }).nextCursor;
    if (cursor === null) return true;
  }
  return false;
}

/** Confirmed stays confirmed, paid stays paid, and what ended has ended. */
function checkTold({ d1, report }: System, told: readonly KnownOrder[]): void {
  const { rows } = d1.engine.run("SELECT id, status, revision FROM orders", []);
  const now = new Map(rows.map((row) => [String(row["id"]), row]));
  for (const { id, status, revision, returned } of told) {
    const row = now.get(id);
    const isSame = row?.["status"] === status;
    report.check(isSame, 19, () => `${id} was told ${status} and is ${String(row?.["status"])}`);
    // Returns of an order that the database has are lost with it.
    const isLost = Object.keys(returned).length > 0;
    report.check(
      isLost || Number(row?.["revision"] ?? 0) >= revision,
      19,
      () => `${id} went back from revision ${revision} to ${String(row?.["revision"])}`,
    );
  }
  const known = new Set(told.map(({ id }) => id));
  for (const id of now.keys()) report.check(known.has(id), 19, () => `${id} is nobody's`);
}

function checkKeys({ d1, report }: System, keys: readonly (readonly [string, string])[]): void {
  for (const [name, id] of keys) {
    const { rows } = d1.engine.run(
      "SELECT order_id FROM idempotency_keys WHERE customer_id || ' ' || key = ?",
      [name],
    );
    const bound = rows[0]?.["order_id"];
    report.check(bound === id, 19, () => `key ${name} of ${id} is bound to ${String(bound)}`);
  }
}

/** Nothing that was held is held by nobody now, and nothing is sold twice. */
function checkUnits({ items, report }: System, told: readonly KnownOrder[]): void {
  for (const item of items.items.values()) {
    const units = { confirmed: 0, paid: 0 };
    for (const { status, lines, returned } of told) {
      if (status !== "confirmed" && status !== "paid") continue;
      const quantity = lines.find(({ sku }) => sku === item.sku)?.quantity ?? 0;
      units[status] += quantity - (returned[item.sku] ?? 0);
    }
    const { held, sold } = item.counters;
    report.check(
      held === units.confirmed && sold === units.paid,
      19,
      () => `${item.sku} holds ${held} and sold ${sold}, told were ${JSON.stringify(units)}`,
    );
  }
}
