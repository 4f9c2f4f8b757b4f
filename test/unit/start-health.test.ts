import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { HealthWatch } from "../../scripts/lib/health.ts";

const LIMITS = { period_ms: 2_000, silent: 30, silentAfterCrash: 8 };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A server whose answers take so long; Infinity: it never answers. */
function server(first_ms: number) {
  const state = { answer_ms: first_ms, asked: 0 };
  const ask = async (limit_ms: number): Promise<boolean> => {
    state.asked++;
    const { answer_ms } = state;
    await new Promise((resolve) => setTimeout(resolve, Math.min(answer_ms, limit_ms)));
    if (answer_ms > limit_ms) throw new Error("timed out");
    return true;
  };
  const watch = new HealthWatch(ask, LIMITS);
  let silent_ms: number | undefined;
  const told_ms: number[] = [];
  void watch.untilDead((ms) => void told_ms.push(ms)).then((ms) => (silent_ms = ms));
  return { state, watch, told_ms, silent_ms: () => silent_ms };
}

test("a server that stops answering without a crash is told each minute, and not given up: it may be overloaded", async () => {
  const { state, told_ms, silent_ms } = server(5);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(told_ms).toEqual([]);
  state.answer_ms = Infinity;
  await vi.advanceTimersByTimeAsync(185_000);
  expect(told_ms).toEqual([60_000, 120_000, 180_000]);
  expect(silent_ms()).toBeUndefined();
  state.answer_ms = 5;
  await vi.advanceTimersByTimeAsync(600_000);
  expect(told_ms).toHaveLength(3);
});

test("an overloaded server that takes 40 s for each answer is not even told", async () => {
  const { state, told_ms, silent_ms } = server(40_000);
  await vi.advanceTimersByTimeAsync(1_800_000);
  expect(silent_ms()).toBeUndefined();
  expect(told_ms).toEqual([]);
  expect(state.asked).toBeGreaterThan(800);
});

test("one that crashes and is back in five seconds is not, however often", async () => {
  const { state, watch, silent_ms } = server(5);
  for (let crash = 0; crash < 20; crash++) {
    watch.crashed();
    state.answer_ms = Infinity;
    await vi.advanceTimersByTimeAsync(5_000);
    state.answer_ms = 5;
    await vi.advanceTimersByTimeAsync(10_000);
  }
  expect(silent_ms()).toBeUndefined();
});

test("one that does not answer after a crash is given up sooner, though it still answers what was asked before", async () => {
  const { state, watch, silent_ms } = server(9_000);
  await vi.advanceTimersByTimeAsync(20_000);
  state.answer_ms = Infinity;
  watch.crashed();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(silent_ms()).toBe(16_000);
});

test("a process that was stopped for an hour has not asked meanwhile, and gives nobody up for it", async () => {
  const { silent_ms } = server(5);
  await vi.advanceTimersByTimeAsync(10_000);
  vi.setSystemTime(Date.now() + 3_600_000);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(silent_ms()).toBeUndefined();
});
