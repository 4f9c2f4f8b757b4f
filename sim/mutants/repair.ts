import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Mutant } from "./mutant.ts";
import { findPlace, readSource, type Place, type SourceFile } from "./places.ts";
import { QUOTING, quotesIn, type Literal, type Quote } from "./quotes.ts";

interface Repaired {
  text: string;
  /** Quotes that were not as the source has them, and now are. */
  count: number;
  /** For each quote without a place, its line and why. */
  failures: string[];
}

type Edit = Literal & { text: string };

/** Rewrites the quotes in `sim`, prints what it did, and returns whether all have a place. */
export function repairFiles(root: string): boolean {
  const sources = readSource(root);
  let isWhole = true;
  for (const { path, list } of QUOTING) {
    const before = readFileSync(join(root, path), "utf8");
    const { text, count, failures } = repairQuotes(before, list, sources);
    if (text !== before) writeFileSync(join(root, path), text);
    console.log(`${path}: ${count} quotes repaired, ${failures.length} without a place`);
    for (const failure of failures) console.error(`${path}:${failure}`);
    isWhole &&= failures.length === 0;
  }
  return isWhole;
}

/** The text of a quoting file with every quote in the words of the source. */
export function repairQuotes(
  text: string,
  list: readonly Omit<Mutant, "name">[],
  sources: readonly SourceFile[],
): Repaired {
  const failures: string[] = [];
  const edits: Edit[] = [];
  let count = 0;
  let file = "";
  for (const quote of quotesIn(text, list)) {
    if (quote.isFirst) file = quote.change.file;
    try {
      const place = findPlace(quote.change, sources);
      if (quote.isFirst) file = place.file;
      const own = editsOf(quote, place, file);
      if (own.length > 0) count += 1;
      edits.push(...own);
    } catch (error) {
      failures.push(`${quote.line}: ${(error as Error).message}`);
    }
  }
  // From the end, so that the offsets of what is still to be changed stay right.
  for (const edit of edits.toSorted((a, b) => b.start - a.start))
    text = text.slice(0, edit.start) + edit.text + text.slice(edit.end);
  return { text, count, failures };
}

/** `file`: that of the mutant's first change. */
function editsOf(quote: Quote, place: Place, file: string): Edit[] {
  const edits: Edit[] = [];
  for (const key of ["file", "from", "to"] as const) {
    const literal = quote[key];
    if (literal && place[key] !== quote.change[key])
      edits.push({ ...literal, text: literalOf(place[key]) });
  }
  if (!quote.file && place.file !== file) {
    const { end } = quote.from;
    edits.push({ start: end, end, text: `, file: ${literalOf(place.file)}` });
  }
  return edits;
}

/** Quoted as the formatter does. */
function literalOf(text: string): string {
  const literal = JSON.stringify(text);
  const isSingle = text.includes('"') && !text.includes("'");
  return isSingle ? `'${literal.slice(1, -1).replaceAll('\\"', '"')}'` : literal;
}
