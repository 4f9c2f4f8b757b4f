import { type CsvError, parse } from "csv-parse/sync";
import * as v from "valibot";
import { minorDigitsOf } from "../../src/contract/currencies.ts";
import { SkuSchema } from "../../src/contract/sku.ts";
import { ItemSchema } from "../../src/orders/http/item-body.ts";

/** Reads a CSV of items and stock. Pure. */

export const ITEM_COLUMNS = [
  "name",
  "price",
  "currency",
  "limitPerCustomer",
  "paymentWindowSeconds",
  "saleStartsAt",
  "saleEndsAt",
  "status",
] as const;
const COLUMNS = ["sku", ...ITEM_COLUMNS, "stock"] as const;
type Column = (typeof COLUMNS)[number];

/** The body of a PUT. */
export type Details = v.InferOutput<typeof ItemSchema>;

export interface Row {
  line: number;
  sku: string;
  /** Undefined: the file has no columns for it. */
  details: Details | undefined;
  /** Units on the shelf, without paid ones that are not shipped yet. Undefined: it is left as it is. */
  stock: number | undefined;
}

export interface BadLine {
  line: number;
  messages: string[];
}

export interface ReadFile {
  rows: Row[];
  bad: BadLine[];
}

/** The greatest stock that a call takes. */
const MAX_STOCK = 1_000_000_000;

/**
 * Rows of a file whose first line names its columns, in any order. Commas, semicolons and tabs are
 * told apart by that line. Throws when the file as a whole cannot be read.
 */
export function readCsv(text: string): ReadFile {
  const bad: BadLine[] = [];
  const records = parse(text, {
    bom: true,
    delimiter: delimiterOf(text),
    trim: true,
    skip_empty_lines: true,
    relax_column_count: true,
    info: true,
    skip_records_with_error: true,
    on_skip: (error: CsvError | undefined) => {
      const line = typeof error?.lines === "number" ? error.lines : 0;
      // A record with two errors is skipped twice.
      if (bad.at(-1)?.line !== line) {
        bad.push({ line, messages: [error?.message ?? "cannot be read"] });
      }
      return undefined;
    },
  }) as unknown as { record: string[]; info: { lines: number } }[];
  const [header, ...lines] = records;
  const columns = columnsOf(header?.record ?? []);
  const rows: Row[] = [];
  const seen = new Map<string, number>();
  for (const { record, info } of lines) {
    const read = readRow(columns, record, info.lines);
    const first = "sku" in read ? seen.get(read.sku) : undefined;
    if (!("sku" in read)) bad.push(read);
    else if (first === undefined) rows.push(read);
    else bad.push({ line: info.lines, messages: [`sku: ${read.sku} is in line ${first} already`] });
    if ("sku" in read && first === undefined) seen.set(read.sku, info.lines);
  }
  return { rows, bad: bad.toSorted((a, b) => a.line - b.line) };
}

/** The one of `,`, `;` and tab that the first line has most of, outside quotes. */
function delimiterOf(text: string): string {
  const first = (text.split(/\r?\n/, 1)[0] ?? "").replace(/"[^"]*"/g, "");
  const counts = [",", ";", "\t"].map((one) => ({ one, n: first.split(one).length }));
  return counts.toSorted((a, b) => b.n - a.n)[0]?.one ?? ",";
}

function columnsOf(names: readonly string[]): readonly Column[] {
  const unknown = names.filter((name) => !(COLUMNS as readonly string[]).includes(name));
  if (unknown.length > 0) {
    throw new Error(
      `the first line names ${unknown.map((name) => `"${name}"`).join(", ")}; known columns are ${COLUMNS.join(", ")}`,
    );
  }
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new Error(`the first line names ${twice} twice`);
  const has = (name: Column) => names.includes(name);
  const isOfItems = ITEM_COLUMNS.some(has);
  const missing = (
    ["sku", ...(isOfItems ? (["name", "price", "currency"] as const) : [])] as const
  ).filter((name) => !has(name));
  if (missing.length > 0) throw new Error(`the first line lacks ${missing.join(", ")}`);
  if (!isOfItems && !has("stock")) throw new Error("there is nothing to import beside the SKUs");
  return names as readonly Column[];
}

function readRow(
  columns: readonly Column[],
  record: readonly string[],
  line: number,
): Row | BadLine {
  if (record.length !== columns.length) {
    const messages = [`has ${record.length} fields, and the first line ${columns.length}`];
    return { line, messages };
  }
  const fields = Object.fromEntries(columns.map((name, i) => [name, record[i] ?? ""])) as Partial<
    Record<Column, string>
  >;
  const messages: string[] = [];
  const sku = v.safeParse(SkuSchema, fields.sku);
  if (!sku.success) messages.push(`sku: ${sku.issues[0].message}`);
  const { stock } = fields;
  const isStock = stock === undefined || stock === "" || /^\d{1,10}$/.test(stock);
  if (!isStock || Number(stock ?? 0) > MAX_STOCK) {
    messages.push(`stock: must be a whole number from 0 to ${MAX_STOCK}`);
  }
  const details = columns.includes("name") ? detailsOf(fields, messages) : undefined;
  if (messages.length > 0 || !sku.success) return { line, messages };
  return { line, sku: sku.output, details, stock: stock ? Number(stock) : undefined };
}

function detailsOf(
  fields: Partial<Record<Column, string>>,
  messages: string[],
): Details | undefined {
  const { currency = "", limitPerCustomer, paymentWindowSeconds } = fields;
  const { saleStartsAt, saleEndsAt, status } = fields;
  const amount = minorUnits(fields.price ?? "", currency);
  if (amount === null) {
    const digits = minorDigitsOf(currency) ?? 2;
    const form = digits === 0 ? "a whole number" : `a number with at most ${digits} decimals`;
    messages.push(`price: must be ${form} and a point`);
  }
  const parsed = v.safeParse(ItemSchema, {
    name: fields.name,
    price: { amount: amount ?? 0, currency },
    limitPerCustomer: limitPerCustomer ? Number(limitPerCustomer) : null,
    paymentWindowSeconds: paymentWindowSeconds ? Number(paymentWindowSeconds) : null,
    saleStartsAt: saleStartsAt || null,
    saleEndsAt: saleEndsAt || null,
    status: status || "listed",
  });
  if (parsed.success) return parsed.output;
  for (const issue of parsed.issues) {
    const path = v.getDotPath(issue)?.replace("price.", "");
    messages.push(path ? `${path}: ${issue.message}` : issue.message);
  }
  return undefined;
}

/** `12.5` of EUR is 1250. Null when it has more decimals than the currency, or is no number. */
function minorUnits(text: string, currency: string): number | null {
  const digits = minorDigitsOf(currency) ?? 2;
  const [, whole = "", decimals = ""] = /^(\d{1,12})(?:\.(\d+))?$/.exec(text) ?? [];
  if (whole === "" || decimals.length > digits) return null;
  return Number(whole + decimals.padEnd(digits, "0"));
}
