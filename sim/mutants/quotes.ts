import { LIMITS } from "../kernel/limits.ts";
import { AUTH_MUTANTS } from "./auth.ts";
import { CHANGES_MUTANTS } from "./changes.ts";
import { DISASTER_MUTANTS } from "./disaster.ts";
import { HTTP_MUTANTS } from "./http.ts";
import { MONEY_MUTANTS } from "./money.ts";
import { changesOf, type Mutant } from "./mutant.ts";
import { ORDERS_MUTANTS } from "./orders.ts";
import type { Change } from "./places.ts";
import { STOCK_MUTANTS } from "./stock.ts";

/** The files of `sim` that quote the source, and what they quote. */
export const QUOTING: readonly { path: string; list: readonly Omit<Mutant, "name">[] }[] = [
  { path: "sim/mutants/stock.ts", list: STOCK_MUTANTS },
  { path: "sim/mutants/orders.ts", list: ORDERS_MUTANTS },
  { path: "sim/mutants/http.ts", list: HTTP_MUTANTS },
  { path: "sim/mutants/auth.ts", list: AUTH_MUTANTS },
  { path: "sim/mutants/money.ts", list: MONEY_MUTANTS },
  { path: "sim/mutants/changes.ts", list: CHANGES_MUTANTS },
  { path: "sim/mutants/disaster.ts", list: DISASTER_MUTANTS },
  { path: "sim/kernel/limits.ts", list: LIMITS },
];

/** A change, and where the string literals of its fields are: offsets in the quoting file. */
export interface Quote {
  change: Change;
  line: number;
  from: Literal;
  to: Literal;
  /** Absent in a further change of a mutant that is of the same file as the first. */
  file?: Literal;
  isFirst: boolean;
}

export interface Literal {
  start: number;
  end: number;
}

const FIELD =
  /\b(?<key>\w+):\s*(?<literal>(?:String\.raw)?(?:"(?:\\[^]|[^"\\])*"|'(?:\\[^]|[^'\\])*'|`(?:\\[^]|[^`\\])*`))/g;

/** The quotes of a file. `text` is that of the file, `list` what it exports, in the same order. */
export function quotesIn(text: string, list: readonly Omit<Mutant, "name">[]): Quote[] {
  const changes = list.flatMap((mutant) =>
    changesOf(mutant).map((change, index) => ({ change, isFirst: index === 0 })),
  );
  const quotes: Quote[] = [];
  let fields: Record<string, Literal> = {};
  for (const { groups, index, 0: field } of text.matchAll(FIELD)) {
    const end = index + field.length;
    fields[groups?.["key"] ?? ""] = { start: end - (groups?.["literal"] ?? "").length, end };
    const { from, to, file } = fields;
    const next = changes[quotes.length];
    if (!from || !to || !next) continue;
    const line = text.slice(0, from.start).split("\n").length;
    quotes.push({ ...next, line, from, to, ...(file && { file }) });
    fields = {};
  }
  if (quotes.length !== changes.length) throw new Error("Not every change has literals of its own");
  return quotes;
}
