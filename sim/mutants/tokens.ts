/**
 * TypeScript as tokens, so that quotes of the source do not depend on its layout and comments. The
 * text of strings and templates becomes tokens too, because a quote may begin inside of one.
 */

export interface Token {
  text: string;
  /** Offsets in the text; `end` is exclusive. */
  start: number;
  end: number;
  /** An identifier of the code, also in `${…}`: what a renaming may change. */
  isName: boolean;
  /** What encloses the token, outermost first: `{` code, a quote a string, `/` and `[` a regex. */
  scope: string;
}

const TOKEN = /\/\/.*|\/\*[^]*?\*\/|\\[^]|\$\{|[\p{L}_$#][\p{L}\d_$]*|\d(?:[\w.]*\w)?|\S/gu;
const WORD = /^[\p{L}_$#][\p{L}\d_$]*$/u;
const RESERVED = new Set(
  (
    "as async await boolean break case catch class const constructor continue default delete do else " +
    "export extends false finally for function if import in instanceof interface let new null number " +
    "of readonly return satisfies string super switch this throw true try type typeof undefined " +
    "unknown var void while yield"
  ).split(" "),
);
/** After these a slash begins a regular expression. */
const BEFORE_REGEX = /^(?:[(,=:[!&|?{;>]|return)$/;

export const isWord = (text: string) => WORD.test(text) && !RESERVED.has(text);

/** `scope`: that of the place in the source where the text stands or will stand. */
export function tokensOf(text: string, scope = "{"): Token[] {
  const tokens: Token[] = [];
  const pattern = new RegExp(TOKEN);
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    let [word] = match;
    const { index } = match;
    const last = tokens.at(-1);
    if (text.slice(last?.end ?? 0, index).includes("\n")) scope = scope.replace(/["'/[]+$/, "");
    const isCode = scope.endsWith("{");
    if (/^\/[/*]/.test(word)) {
      if (isCode) continue;
      word = "/";
      pattern.lastIndex = index + 1;
    }
    const end = index + word.length;
    tokens.push({ text: word, start: index, end, isName: isCode && isWord(word), scope });
    scope = scopeAfter(scope, word, last?.text ?? "=");
  }
  return tokens;
}

function scopeAfter(scope: string, word: string, last: string): string {
  const top = scope.at(-1);
  const outer = scope.length > 1 ? scope.slice(0, -1) : scope;
  if (top === "{") {
    if (word === "}") return outer;
    const isOpening = /^["'`{]$/.test(word) || (word === "/" && BEFORE_REGEX.test(last));
    return isOpening ? scope + word : scope;
  }
  if (word === (top === "[" ? "]" : top)) return outer;
  if (top === "`" && word === "${") return `${scope}{`;
  return top === "/" && word === "[" ? `${scope}[` : scope;
}
