import { expect, it } from "vitest";
import { run } from "../../sim/run.ts";

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8];

it("has the same history each time a seed is run", async () => {
  const first = [];
  for (const seed of SEEDS) first.push((await run({ seed })).hash);
  const again = [];
  for (const seed of SEEDS.toReversed()) again.unshift((await run({ seed })).hash);
  expect(again).toEqual(first);
  expect(new Set(first).size).toBe(SEEDS.length);
});

it("has it line by line, printed or not", async () => {
  const printed = await run({ seed: 3, isPrinted: true });
  const again = await run({ seed: 3, isPrinted: true });
  expect(again.lines).toEqual(printed.lines);
  expect((await run({ seed: 3 })).hash).toBe(printed.hash);
});
