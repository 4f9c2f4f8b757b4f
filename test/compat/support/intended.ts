/**
 * Intended differences between today's code and a released version. A golden file is never edited:
 * list the change here, with the reason why both versions can run side by side. Remove the entry with
 * the version's files.
 */
interface Intended {
  /** Matches a line of `lost`, which begins with the path. */
  change: RegExp;
  why: string;
}

const INTENDED: Record<string, Intended[]> = {
  "0.1.0": [
    {
      change: /^(STOCK {2}levels|ITEM \w+ level) at /,
      why: "Which items are asked for their levels, and when, is the caller's choice: only those whose level will soon be too old.",
    },
    {
      change: /^RECONCILER reconciler watch at \d+: null became \{"beat":\d+\}$/,
      why: "The released version reads no answer of it, and today's reads no answer as a beat that is not known.",
    },
    {
      change: /^INDEX\.add$/,
      why: "An item and the index are classes of one Worker: where today's item runs, the index is there.",
    },
  ],
};

/** Without what is listed for the version. */
export const unintended = (version: string, changes: readonly string[]): string[] =>
  changes.filter((one) => !(INTENDED[version] ?? []).some(({ change }) => change.test(one)));
