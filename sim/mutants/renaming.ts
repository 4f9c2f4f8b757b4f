import { isWord, tokensOf, type Token } from "./tokens.ts";

/** Which word of the source stands for which word of a quote, gathered token by token. */
export class Renaming {
  readonly #names = new Map<string, string>();
  /** Those in the text of strings; they may differ only as a name of the code does. */
  readonly #texts = new Map<string, string>();

  /** Whether the token may stand for what is quoted. */
  add(wanted: string, { text, isName }: Token): boolean {
    const isPair = isWord(wanted) && isWord(text);
    if (!isPair || (!isName && wanted === text)) return wanted === text;
    const names = isName ? this.#names : this.#texts;
    if ((names.get(wanted) ?? text) !== text) return false;
    names.set(wanted, text);
    return true;
  }

  /** Whether it is one-to-one, and text differs only where the code does. */
  isConsistent(): boolean {
    const isOneToOne = new Set(this.#names.values()).size === this.#names.size;
    return isOneToOne && [...this.#texts].every(([from, to]) => this.#names.get(from) === to);
  }

  /** How many names differ. */
  size(): number {
    return [...this.#names].filter(([from, to]) => from !== to).length;
  }

  /** Whether some word of the quote is the same in the source. */
  keeps(quote: readonly Token[]): boolean {
    return quote.some(({ text }) => isWord(text) && (this.#names.get(text) ?? text) === text);
  }

  /** Text that will stand in a scope, in the names of the source. */
  apply(text: string, scope: string): string {
    let renamed = "";
    let end = 0;
    for (const token of tokensOf(text, scope)) {
      const names = token.isName ? this.#names : this.#texts;
      renamed += text.slice(end, token.start) + (names.get(token.text) ?? token.text);
      end = token.end;
    }
    return renamed + text.slice(end);
  }
}
