import type { Format } from "./pages.ts";

/** CSV by RFC 4180. */

/** `null`: an empty cell. Only a text can be a formula: a number is written as it is. */
export type Cell = string | number | null;
export type Row<C extends string> = Partial<Record<C, Cell>>;

const LINE_END = "\r\n";
/** Spreadsheets run a cell that begins so as a formula, some also with a full-width sign. */
const FORMULA = /^[=+\-@\t\r＝＋－＠]/;
const SPECIAL = /[",\r\n]/;

export function csvLine(cells: readonly Cell[]): string {
  return cells.map(csvCell).join(",") + LINE_END;
}

function csvCell(cell: Cell): string {
  if (cell === null) return "";
  if (typeof cell === "number") return `${cell}`;
  const text = FORMULA.test(cell) ? `'${cell}` : cell;
  return SPECIAL.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * Rows with a first column `type`. The last row has the type `end`, or `next` where the reader has
 * to go on after what is in the column `key`. A file without one of them is not complete.
 */
export function csvFormat<T, C extends string>(
  columns: readonly ("type" | C)[],
  key: C,
  rowsOf: (one: T) => Row<"type" | C>[],
): Format<T> {
  const line = (row: Row<"type" | C>) => csvLine(columns.map((column) => row[column] ?? null));
  const lastRow = (next: string | null) =>
    ({ type: next === null ? "end" : "next", [key]: next }) as Row<"type" | C>;
  return {
    head: csvLine(columns),
    entry: (one) => rowsOf(one).map(line).join(""),
    end: (next) => line(lastRow(next)),
  };
}
