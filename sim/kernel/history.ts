/**
 * What happened, in order, as one hash. The lines themselves are kept only when somebody wants to
 * read them: two runs of one seed are the same run when their hashes are the same.
 */
export class History {
  readonly lines: string[] | null;
  count = 0;
  #h1 = 0xdeadbeef;
  #h2 = 0x41c6ce57;

  constructor(isKept: boolean) {
    this.lines = isKept ? [] : null;
  }

  add(at_ms: number, text: string): void {
    this.count++;
    this.#mix(Math.round(at_ms * 1_000));
    for (let i = 0; i < text.length; i++) this.#mix(text.charCodeAt(i));
    this.lines?.push(`${(at_ms / 1_000).toFixed(6).padStart(11)}  ${text}`);
  }

  #mix(value: number): void {
    this.#h1 = Math.imul(this.#h1 ^ value, 2_654_435_761);
    this.#h2 = Math.imul(this.#h2 ^ (value + (this.#h1 >>> 16)), 1_597_334_677);
  }

  get hash(): string {
    const part = (n: number) => (n >>> 0).toString(16).padStart(8, "0");
    return part(this.#h1 ^ (this.#h2 >>> 15)) + part(this.#h2 ^ (this.#h1 >>> 13));
  }
}
