import type { Case } from "./platform.ts";

/** As both sides are set up: so many calls of a key in each period of the clock. */
export const LIMIT = 3;
export const PERIOD_MS = 10_000;
/** Longer than a case takes before it waits. */
const ENOUGH_MS = 3_000;

export const LIMITER_CASES: readonly Case[] = [
  {
    name: "so many calls of a key are let in, others' are counted apart, and each period anew",
    run: async ({ limiter, now, sleep }, id) => {
      const ask = async (key: string) => (await limiter.limit({ key: `${id} ${key}` })).success;
      const left_ms = () => PERIOD_MS - (now() % PERIOD_MS);
      if (left_ms() < ENOUGH_MS) await sleep(left_ms() + 100);
      const first: boolean[] = [];
      for (let i = 0; i < LIMIT + 2; i++) first.push(await ask("one"));
      const other = await ask("other");
      await sleep(left_ms() + 100);
      return { first, other, later: await ask("one") };
    },
    expected: { first: [true, true, true, false, false], other: true, later: true },
  },
];
