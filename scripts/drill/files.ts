import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** The files in which a local run keeps the database and the items. It must not be running. */

/** SQLite's own; what is not in the first is in the others. */
const PARTS = ["", "-wal", "-shm"];

const databaseFolder = (state: string): string => join(state, "v3/d1/miniflare-D1DatabaseObject");
const itemFolder = (state: string): string => join(state, "v3/do/lockstock-stock-StockItem");

const filesIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".sqlite") && name !== "metadata.sqlite")
    .map((name) => join(folder, name));

/** The file of D1. */
export function databaseFile(state: string): string {
  const [file, ...others] = filesIn(databaseFolder(state));
  if (file === undefined || others.length > 0) throw new Error(`not one database in ${state}`);
  return file;
}

/** The file of an item, found by the SKU in it. */
export function itemFile(state: string, sku: string): string {
  for (const file of filesIn(itemFolder(state))) {
    const db = new DatabaseSync(file);
    try {
      const row = db.prepare("SELECT sku FROM item").get() as { sku: string } | undefined;
      if (row?.sku === sku) return file;
    } finally {
      db.close();
    }
  }
  throw new Error(`no item ${sku} in ${state}`);
}

/** Copies a file to the folder `to`. */
export function keep(file: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const part of PARTS) {
    if (existsSync(file + part)) copyFileSync(file + part, join(to, `kept${part}`));
  }
}

/** Puts the copy in the place of a file. */
export function putBack(file: string, from: string): void {
  remove(file);
  for (const part of PARTS) {
    const kept = join(from, `kept${part}`);
    if (existsSync(kept)) copyFileSync(kept, file + part);
  }
}

export function remove(file: string): void {
  for (const part of PARTS) rmSync(file + part, { force: true });
}
