import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Renaming } from "./renaming.ts";
import { isWord, tokensOf, type Token } from "./tokens.ts";

/**
 * Where the source holds what a change quotes. Quote and source are compared as tokens. The names of
 * the code may differ by a one-to-one renaming, which is then applied to the replacement as well.
 * The file is a hint: the other files of `src` are searched too.
 */

/** A quote of the source, and what replaces it. `file` is relative to the root of the repository. */
export interface Change {
  file: string;
  from: string;
  to: string;
}

/** A change in the words of the source as it is now, and the offset of `from` in its file. */
export interface Place extends Change {
  start: number;
}

/** A file of `src` and its tokens. */
export interface SourceFile {
  file: string;
  text: string;
  tokens: Token[];
}

interface Match {
  source: SourceFile;
  renaming: Renaming;
  /** The first token, and the one after the last. */
  at: number;
  end: number;
  /** Names that differ, and 1 for another file than the quoted one. */
  distance: number;
}

/** The TypeScript of `src` below `root`. */
export function readSource(root: string): SourceFile[] {
  return readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.tsx?$/.test(name))
    .sort()
    .map((name) => sourceFile(`src/${name}`, readFileSync(join(root, "src", name), "utf8")));
}

export const sourceFile = (file: string, text: string): SourceFile => ({
  file,
  text,
  tokens: tokensOf(text),
});

/** The one place of a change. Throws when there is none, or several that are equally near. */
export function findPlace(change: Change, sources: readonly SourceFile[]): Place {
  const quote = tokensOf(change.from);
  const own = sources.filter(({ file }) => file === change.file);
  let matches = own.flatMap((source) => matchesIn(source, quote, true));
  // Nothing is nearer than the same words in the same file.
  if (!matches.some((match) => match.distance === 0)) {
    const others = sources.filter(({ file }) => file !== change.file);
    matches = [...matches, ...others.flatMap((source) => matchesIn(source, quote, false))];
  }
  const distance = Math.min(...matches.map((match) => match.distance));
  const [match, ...others] = matches.filter((each) => each.distance === distance);
  if (match && others.length === 0) {
    const place = placeOf(change, match);
    refuseUnknownNames(place, match, sources);
    return place;
  }
  const reason = match
    ? `is there ${others.length + 1} times, equally near:\n${[match, ...others].map(show).join("\n")}`
    : `is not there any more. Nearest to it is:\n${nearest(quote, change, sources)}`;
  throw new Error(`The quote of ${change.file}\n    ${change.from.trim()}\n${reason}`);
}

/** The new texts of the changed files, by path. Throws when two changes overlap. */
export function applyChanges(
  changes: readonly Change[],
  sources: readonly SourceFile[],
): Map<string, string> {
  const changed = new Map<string, string>();
  const places = changes.map((change) => findPlace(change, sources));
  // From the end of each file, so that the offsets of what is still to be changed stay right.
  for (const { file, start, from, to } of places.toSorted((a, b) => b.start - a.start)) {
    const text = changed.get(file) ?? sources.find((each) => each.file === file)?.text ?? "";
    if (!text.startsWith(from, start)) throw new Error(`Two changes of ${file} overlap: ${from}`);
    changed.set(file, text.slice(0, start) + to + text.slice(start + from.length));
  }
  return changed;
}

function matchesIn(source: SourceFile, quote: readonly Token[], isQuotedFile: boolean): Match[] {
  const [first] = quote;
  return source.tokens.flatMap(({ text }, at) => {
    if (!first || (text !== first.text && !(isWord(text) && isWord(first.text)))) return [];
    const renaming = new Renaming();
    const end = matchAt(source.tokens, at, quote, renaming);
    if (end === null || !renaming.isConsistent()) return [];
    // In another file some word has to be the same: any `const A = 8` is like any `const B = 8`.
    if (!isQuotedFile && !renaming.keeps(quote)) return [];
    return [{ source, renaming, at, end, distance: renaming.size() + (isQuotedFile ? 0 : 1) }];
  });
}

/** The end of the match that begins at a token; null: there is none. */
function matchAt(
  tokens: readonly Token[],
  at: number,
  quote: readonly Token[],
  renaming: Renaming,
): number | null {
  let end = at;
  for (let next = 0; next < quote.length;) {
    const wanted = quote[next];
    const found = tokens[end];
    if (!wanted || !found) return null;
    if (renaming.add(wanted.text, found)) {
      next += 1;
      end += 1;
    } else if (end > at && isTrailingComma(tokens, end)) end += 1;
    else if (isTrailingComma(quote, next)) next += 1;
    else return null;
  }
  return end;
}

/** The formatter puts a comma there, or takes it away, as the line breaks. */
const isTrailingComma = (tokens: readonly Token[], at: number) =>
  tokens[at]?.text === "," && /^[)\]}]$/.test(tokens[at + 1]?.text ?? "");

function placeOf({ from, to }: Change, { source, renaming, at, end }: Match): Place {
  const { file, text, tokens } = source;
  const first = tokens[at];
  const last = tokens[end - 1];
  if (!first || !last) throw new Error(`An empty quote of ${file}`);
  // White space around the quote is part of it, as it is in the source.
  const before = /^\s*/.exec(from)?.[0] ?? "";
  const after = /\s*$/.exec(from)?.[0] ?? "";
  const isLine = before.includes("\n");
  const lead = (isLine ? /\s*$/ : /[ \t]*$/).exec(text.slice(0, first.start))?.[0] ?? "";
  const trail = /^[ \t]*\n?/.exec(text.slice(last.end))?.[0] ?? "";
  const start = first.start - (before ? lead.length : 0);
  const stop = last.end + (after ? trail.length : 0);
  return { file, start, from: text.slice(start, stop), to: renaming.apply(to, first.scope) };
}

/** Code that stops with a ReferenceError would count as a bug that was found. */
function refuseUnknownNames(
  { file, to }: Place,
  { source, at, end }: Match,
  sources: readonly SourceFile[],
): void {
  const has = ({ tokens }: SourceFile, name: string) =>
    tokens.some(({ text, isName }) => isName && text === name);
  const tokens = tokensOf(to, source.tokens[at]?.scope);
  const unknown = tokens.filter(({ text, start, isName }, index) => {
    if (!isName || has(source, text) || text in globalThis) return false;
    if (/^(?:const|let)$/.test(tokens[index - 1]?.text ?? "")) return false;
    const isProperty = /(?<!\.\.)\.$/.test(to.slice(0, start)) || tokens[index + 1]?.text === ":";
    return !isProperty || !sources.some((each) => has(each, text));
  });
  if (unknown.length === 0) return;
  const names = unknown.map(({ text }) => text).join(", ");
  throw new Error(
    `The replacement of\n${show({ source, at, end })}\nby\n    ${to.trim()}\n` +
      `uses names that ${file} does not have: ${names}`,
  );
}

const lineOf = (text: string, offset: number) => text.slice(0, offset).split("\n").length;

function show({ source, at, end }: Pick<Match, "source" | "at" | "end">): string {
  const { file, text, tokens } = source;
  const start = tokens[at]?.start ?? 0;
  return `    ${file}:${lineOf(text, start)}: ${text.slice(start, tokens[end - 1]?.end)}`;
}

/** The lines that share most tokens with a quote, those of its own file before others. */
function nearest(quote: Token[], { file, from }: Change, sources: readonly SourceFile[]): string {
  const wanted = new Set(quote.map(({ text }) => text));
  const height = from.trim().split("\n").length;
  let best = { score: -1, shown: "" };
  const own = sources.filter((each) => each.file === file);
  for (const source of own.length > 0 ? own : sources) {
    const lines = source.text.split("\n");
    for (const [index] of lines.entries()) {
      const part = lines
        .slice(index, index + height)
        .join("\n")
        .trim();
      const found = new Set(tokensOf(part).map(({ text }) => text));
      const shared = [...wanted].filter((token) => found.has(token)).length;
      const score = shared / (wanted.size + found.size - shared);
      if (score > best.score) best = { score, shown: `    ${source.file}:${index + 1}: ${part}` };
    }
  }
  return best.shown;
}
