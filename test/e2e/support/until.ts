import { setTimeout as sleep } from "node:timers/promises";

const STEP_MS = 25;
/** For what has no limit of its own: long enough for a busy machine, short of the tests' limits. */
const PATIENCE_MS = 60_000;

/**
 * Asks again and again until the answer is neither undefined nor false, and gives it back. An
 * answer that throws counts as "not yet"; after `limit_ms` it throws, with the last error.
 */
export async function until<T>(
  what: string,
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  limit_ms = PATIENCE_MS,
): Promise<T> {
  const deadline = Date.now() + limit_ms;
  let last: unknown;
  do {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await sleep(STEP_MS);
  } while (Date.now() < deadline);
  throw new Error(`${what}: not within ${limit_ms} ms`, { cause: last });
}
