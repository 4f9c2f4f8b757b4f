import { plain } from "./versions.ts";

/** What a later migration may consist of. */
const ALLOWED = [
  /^CREATE TABLE (?!.* AS SELECT )/i,
  // Not UNIQUE: an older version's INSERT could break it.
  /^CREATE INDEX /i,
  /^ALTER TABLE \w+ ADD (COLUMN )?/i,
];
/** An older version's INSERT does not name the column. */
const NEEDS_DEFAULT = /^ALTER TABLE .* NOT NULL(?!.*\bDEFAULT\b)/i;

/** The statements that an older version, which runs on the same tables, might not survive. */
export function notAdding(sql: string): string[] {
  return plain(sql)
    .split(";")
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "")
    .filter(
      (statement) => !ALLOWED.some((form) => form.test(statement)) || NEEDS_DEFAULT.test(statement),
    );
}
