import { describe, expect, test } from "vitest";
import { niceCountTicks, niceTicks, runsOf } from "../../src/web/console/scale.ts";
import { countdown, duration } from "../../src/web/shared/format.ts";

describe("ticks of an axis", () => {
  test.each([
    [58, [0, 20, 40, 60]],
    [483, [0, 200, 400, 600]],
    [100, [0, 25, 50, 75, 100]],
    [1, [0, 0.25, 0.5, 0.75, 1]],
  ])("up to %d are round and reach it", (most, ticks) => {
    expect(niceTicks(most)).toEqual(ticks);
  });

  test.each([
    [0, [0, 1]],
    [3, [0, 1, 2, 3]],
    [7, [0, 2, 4, 6, 8]],
    [10, [0, 5, 10]],
    [1234, [0, 500, 1000, 1500]],
  ])("of a count up to %d are whole", (most, ticks) => {
    expect(niceCountTicks(most)).toEqual(ticks);
  });
});

test("a line has a gap where there is no value", () => {
  expect(runsOf([null, 1, 2, null, null, 3])).toEqual([
    { from: 1, values: [1, 2] },
    { from: 5, values: [3] },
  ]);
});

describe("what a buyer reads", () => {
  test.each([
    [0, "00:00"],
    [-5_000, "00:00"],
    [61_000, "01:01"],
    [3_600_000, "1:00:00"],
    [2 * 86_400_000 + 3_000, "2 d 00:00:03"],
  ])("%d ms are left: %s", (left_ms, text) => {
    expect(countdown(left_ms)).toBe(text);
  });

  test.each([
    [85, "85 ms"],
    [1_440, "1.4 s"],
    [12_000, "12 s"],
    [180_000, "3 min"],
  ])("%d ms took %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});
