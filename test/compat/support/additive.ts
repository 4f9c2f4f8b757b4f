import { plain } from "./versions.ts";

/** What a later migration may consist of. */
const ALLOWED = [
  /^CREATE TABLE (?!.* AS SELECT )/i,
  // Not UNIQUE: an older version's INSERT could break it.
  /^CREATE INDEX /i,
  /^ALTER TABLE \w+ ADD (COLUMN )?/i,
];

/** An older version cannot break it: it does not know the table, or leaves the column null. */
function isUniqueOverNew(statement: string, sql: string): boolean {
  const [, table, column] =
    /^CREATE UNIQUE INDEX \w+ ON (\w+) \((?:(\w+)\) WHERE \2 IS NOT NULL$)?/i.exec(statement) ?? [];
  if (table === undefined) return false;
  const isNewTable = new RegExp(`CREATE TABLE ${table} `, "i").test(sql);
  const added = new RegExp(`ALTER TABLE ${table} ADD COLUMN ${column} `, "i");
  return isNewTable || (column !== undefined && added.test(sql));
}
/** An older version's INSERT does not name the column. */
const NEEDS_DEFAULT = /^ALTER TABLE .* NOT NULL(?!.*\bDEFAULT\b)/i;

/** The statements that an older version, which runs on the same tables, might not survive. */
export function notAdding(sql: string): string[] {
  return plain(sql)
    .split(";")
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "")
    .filter(
      (statement) =>
        NEEDS_DEFAULT.test(statement) ||
        !(ALLOWED.some((form) => form.test(statement)) || isUniqueOverNew(statement, plain(sql))),
    );
}
