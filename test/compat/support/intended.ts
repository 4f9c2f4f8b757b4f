/**
 * What today's code does otherwise than a released version, on purpose. A golden file is never
 * edited: the change is listed here with the reason why both versions can run side by side, and goes
 * when the version's files go.
 */
interface Intended {
  /** Of what `lost` tells, which begins with the path. */
  change: RegExp;
  why: string;
}

const INTENDED: Record<string, Intended[]> = {};

/** Without what is listed for the version. */
export const unintended = (version: string, changes: readonly string[]): string[] =>
  changes.filter((one) => !(INTENDED[version] ?? []).some(({ change }) => change.test(one)));
