/** An export goes page by page, by the key of its entries. */

export interface Page<T> {
  entries: T[];
  /** After which key to go on; null: there are no more entries. */
  next: string | null;
}

/** How an export is written. */
export interface Format<T> {
  /** Before the first entry. */
  head: string;
  entry: (one: T) => string;
  /** The last line. `next`: after which key the reader has to go on; null: it has everything. */
  end: (next: string | null) => string;
}

/** One JSON value a line. */
export const ndjson = <T>(view: (one: T) => object): Format<T> => ({
  head: "",
  entry: (one) => `${JSON.stringify(view(one))}\n`,
  end: (next) => `${JSON.stringify({ next })}\n`,
});
