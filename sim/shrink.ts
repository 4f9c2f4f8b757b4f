import { run, type RunOptions, type RunResult } from "./run.ts";

/**
 * Makes a failing run shorter: leaves out kinds of faults, clients, steps and single faults as long
 * as it still breaks the same invariant.
 */

type Without = NonNullable<RunOptions["without"]>;

export interface Shrunk {
  without: Without;
  result: RunResult;
  runs: number;
}

export async function shrink(
  failed: RunResult,
  { suspect, limit_ms = 60_000 }: Pick<RunOptions, "suspect"> & { limit_ms?: number } = {},
): Promise<Shrunk> {
  const { seed, plan } = failed;
  const invariant = invariantOf(failed);
  const end_ms = performance.now() + limit_ms;
  let best: Without = {};
  let result = failed;
  let runs = 0;

  /** Takes the shorter run if it still fails. */
  const attempt = async (without: Without): Promise<boolean> => {
    if (performance.now() > end_ms) return false;
    runs++;
    const shorter = await run({ seed, without, plan, ...(suspect && { suspect }) }).catch(
      () => null,
    );
    if (!shorter || invariantOf(shorter) !== invariant) return false;
    best = without;
    result = shorter;
    return true;
  };
  const leaveOut = async <K extends keyof Without>(
    key: K,
    candidates: readonly (string | number)[],
  ) => {
    // All at once first, then one by one: most of a run has nothing to do with its failure.
    const with_ = (more: readonly (string | number)[]): Without => ({
      ...best,
      [key]: [...(best[key] ?? []), ...more],
    });
    if (candidates.length > 1 && (await attempt(with_(candidates)))) return;
    const half = candidates.length >> 1;
    if (candidates.length > 3) {
      await leaveOut(key, candidates.slice(half));
      await leaveOut(key, candidates.slice(0, half));
      return;
    }
    for (const candidate of [...candidates].reverse()) await attempt(with_([candidate]));
  };

  const people = [
    ...plan.clients,
    { name: "operator", steps: plan.operator },
    { name: "impostor", steps: plan.impostor },
    { name: "reader", steps: plan.reader },
  ];
  await leaveOut(
    "clients",
    people.map(({ name }) => name),
  );
  await leaveOut("kinds", Object.keys(failed.fired));
  const left = people.filter(({ name }) => !best.clients?.includes(name));
  await leaveOut(
    "steps",
    left.flatMap(({ name, steps }) => steps.map((_, i) => `${name}/${i}`)),
  );
  await leaveOut(
    "strikes",
    Array.from({ length: result.strikes }, (_, i) => i),
  );
  return { without: best, result, runs };
}

const invariantOf = ({ violations }: RunResult): string | undefined =>
  /^invariant \d+/.exec(violations[0] ?? "")?.[0];
