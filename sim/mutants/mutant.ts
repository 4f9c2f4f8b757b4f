import type { Change } from "./places.ts";

/**
 * One deliberate bug. `from` quotes the source and has to be found in one place; it may quote part of
 * a line or several lines. `to` stands there instead. places.ts says how a quote is found when names,
 * layout or files have changed since.
 */
export interface Mutant extends Change {
  name: string;
  /** Further changes that make the same bug, of the same file unless they name another. */
  also?: readonly AlsoChange[];
}

export type AlsoChange = Omit<Change, "file"> & Partial<Pick<Change, "file">>;

/** All changes of a mutant, the first one first. */
export function changesOf({ file, from, to, also = [] }: Omit<Mutant, "name">): Change[] {
  return [{ file, from, to }, ...also.map((change) => ({ file, ...change }))];
}
