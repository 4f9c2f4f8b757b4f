import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { ROOT } from "./project.ts";

/** The room of the package @lockstock/client. It lies outside of `src` and imports nothing. */
const CLIENT = "packages/client";

/**
 * The rooms of `src`, from the ground up. A room is a folder with all that is below it, or a single
 * file. What a room imports, types included, stands on a lower floor.
 */
export const FLOORS: readonly (readonly string[])[] = [
  ["contract", CLIENT],
  ["runtime"],
  ["orders/config", "orders/database", "stock/policy.ts", "stock/stock-index.ts"],
  ["orders/order", "stock/item"],
  ["orders/items", "orders/feed", "orders/dead-letters", "stock/coordinator.ts"],
  ["orders/outcomes", "orders/changes", "stock/consumer.ts", "stock/stock-api.ts"],
  ["orders/webhooks"],
  [
    "orders/place",
    "orders/change",
    "orders/customers",
    "orders/payments",
    "orders/returns",
    "orders/reconcile",
    "orders/operators",
    "orders/recover",
    "orders/export",
  ],
  ["orders/http"],
  ["orders/worker.ts", "stock/worker.ts"],
  ["web/shared"],
  ["web/sale"],
  ["web/shop", "web/console", "web/challenge"],
];

const ROOMS = FLOORS.flatMap((rooms, floor) => rooms.map((room) => ({ room, floor })));

/** Files of `src` by their path in it, each with the files that it imports. */
export type Imports = ReadonlyMap<string, readonly string[]>;

/**
 * Every import of `src` and of the client, types included. The declarations that wrangler generates
 * are left out.
 */
export function readImports(): Imports {
  const files = [...filesIn("src"), ...filesIn(join(CLIENT, "src"))];
  return new Map(
    files.toSorted().map((file) => {
      const text = readFileSync(join(ROOT, file), "utf8");
      const paths = [...text.matchAll(/\b(?:from|import\(?) ?"(\.[^"]+\.tsx?)"/g)];
      const imported = paths.map(([, path = ""]) => named(normalize(join(dirname(file), path))));
      return [named(file), [...new Set(imported)]];
    }),
  );
}

const filesIn = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => /\.tsx?$/.test(file) && !file.endsWith(".d.ts"))
    .map((file) => join(folder, file));

/** As the floors name a file: by its path in `src`, or by its whole path. */
const named = (file: string): string => file.replace(/^src\//, "");

/** The room of a file; undefined: no floor has it. */
export const roomOf = (file: string) =>
  ROOMS.find(({ room }) => file === room || file.startsWith(`${room}/`));

/** Imports that do not lead to a lower floor, as `file -> file`, and files that are in no room. */
export function upwardImports(imports: Imports): string[] {
  return [...imports].flatMap(([file, imported]) => {
    const from = roomOf(file);
    if (!from) return [`${file} is in no room`];
    const isUp = (other: string) => {
      const to = roomOf(other);
      return !to || (to.room !== from.room && to.floor >= from.floor);
    };
    return imported.filter(isUp).map((other) => `${file} -> ${other}`);
  });
}

/** One cycle for each group of files that import each other, types included. */
export function cycles(imports: Imports): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start >= 0) found.push([...path.slice(start), file].join(" -> "));
    if (start >= 0 || done.has(file)) return;
    for (const other of imports.get(file) ?? []) visit(other, [...path, file]);
    done.add(file);
  };
  for (const file of imports.keys()) visit(file, []);
  return found;
}

/** The picture of docs/architecture.md: the top floor first, each room with the rooms it imports. */
export function picture(imports: Imports): string {
  const width = Math.max(...FLOORS.flat().map((room) => room.length));
  const row = (room: string): string => {
    const uses = roomsUsedBy(room, imports);
    return uses.length === 0 ? room : `${room.padEnd(width)} -> ${uses.join(", ")}`;
  };
  return FLOORS.toReversed()
    .map((rooms) => rooms.map(row).join("\n"))
    .join(`\n${"─".repeat(width)}\n`);
}

function roomsUsedBy(room: string, imports: Imports): string[] {
  const own = [...imports].filter(([file]) => roomOf(file)?.room === room);
  const used = new Set(own.flatMap(([, imported]) => imported.map((file) => roomOf(file)?.room)));
  return ROOMS.toReversed().flatMap((other) =>
    other.room !== room && used.has(other.room) ? [other.room] : [],
  );
}

const BLOCK = /<!-- graph -->\n[^]*?<!-- end of graph -->/;

/** The document with the picture in its place. */
export function withPicture(document: string, text: string): string {
  if (!BLOCK.test(document)) throw new Error("the document has no place for the graph");
  const block = `<!-- graph -->\n\n\`\`\`\n${text}\n\`\`\`\n\n<!-- end of graph -->`;
  return document.replace(BLOCK, () => block);
}
