import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LockstockProblem, retry } from "../../packages/client/src/index.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const failed = (retryAfter_s: number | null = null) =>
  new LockstockProblem(
    { code: "unavailable", status: 503, title: "", detail: "" },
    { retryAfter_s },
  );

/** When each attempt was made, in ms after the start, until the call ends. */
async function attempts(
  answer: (attempt: number) => void,
  timeout_ms: number,
): Promise<{ at_ms: number[]; error: unknown }> {
  const at_ms: number[] = [];
  const start_ms = Date.now();
  let error: unknown;
  let isOver = false;
  const call = async () => {
    at_ms.push(Date.now() - start_ms);
    answer(at_ms.length);
  };
  void retry(call, { timeout_ms })
    .catch((thrown: unknown) => (error = thrown))
    .finally(() => (isOver = true));
  while (!isOver) await vi.advanceTimersByTimeAsync(50);
  return { at_ms, error };
}

test("pauses double from 0.4 s to 10 s, each with as much jitter again at most", async () => {
  const always = () => {
    throw failed();
  };
  const { at_ms, error } = await attempts(always, 120_000);
  expect(error).toBeInstanceOf(LockstockProblem);
  const pauses = at_ms.slice(1).map((at, i) => at - (at_ms[i] ?? 0));
  const least = [400, 800, 1_600, 3_200, 6_400];
  pauses.forEach((pause_ms, i) => {
    const base_ms = least[i] ?? 10_000;
    expect(pause_ms).toBeGreaterThanOrEqual(base_ms);
    expect(pause_ms).toBeLessThanOrEqual(2 * base_ms + 1);
  });
  expect(at_ms.at(-1)).toBeLessThanOrEqual(120_000);
  expect(at_ms.at(-1)).toBeGreaterThan(100_000);
});

test("callers that fail at the same moment do not come back at the same moment", async () => {
  const twice = (attempt: number) => {
    if (attempt === 1) throw failed(60);
  };
  const runs = [];
  for (let i = 0; i < 10; i++) runs.push((await attempts(twice, 120_000)).at_ms[1] ?? 0);
  expect(new Set(runs).size).toBeGreaterThan(5);
  expect(Math.min(...runs)).toBeGreaterThanOrEqual(60_000);
});

test("a Retry-After beyond the time limit ends it at once; other errors are not repeated", async () => {
  const late = await attempts(() => {
    throw failed(60);
  }, 30_000);
  expect(late.at_ms).toHaveLength(1);
  const bug = new TypeError("a bug");
  const own = await attempts(() => {
    throw bug;
  }, 30_000);
  expect(own).toEqual({ at_ms: [0], error: bug });
});
