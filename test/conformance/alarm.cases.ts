import type { Case } from "./platform.ts";

export const ALARM_CASES: readonly Case[] = [
  {
    name: "an alarm rings once, and inside there is none",
    run: async ({ probe, now, sleep }, id) => {
      const object = probe(id);
      // Far enough away for a busy machine to read it back before it rings.
      const at_ms = now() + 1_500;
      const armed = await object.arm(at_ms);
      await sleep(3_000);
      return { armed: armed === at_ms, calls: await object.calls() };
    },
    expected: { armed: true, calls: [{ retryCount: 0, isRetry: false, armed: null }] },
  },
  {
    name: "a later setAlarm takes the place of the earlier, and one in the past rings at once",
    run: async ({ probe, now, sleep }, id) => {
      const object = probe(id);
      await object.arm(now() + 1_000);
      await object.arm(now() + 60_000);
      await sleep(2_500);
      const before = (await object.calls()).length;
      await object.arm(now() - 5_000);
      await sleep(1_500);
      return [before, (await object.calls()).length];
    },
    expected: [0, 1],
  },
  {
    name: "an alarm that is deleted does not ring",
    run: async ({ probe, now, sleep }, id) => {
      const object = probe(id);
      await object.arm(now() + 1_000);
      await object.disarm();
      await sleep(2_500);
      return (await object.calls()).length;
    },
    expected: 0,
  },
  {
    name: "an alarm that throws keeps what it wrote and comes again",
    run: async ({ probe, now, sleep }, id) => {
      const object = probe(id);
      await object.fails(1);
      await object.arm(now() + 100);
      await sleep(1_000);
      const soon = (await object.calls()).length;
      await sleep(4_500);
      return { soon, calls: await object.calls() };
    },
    expected: {
      soon: 1,
      calls: [
        { retryCount: 0, isRetry: false, armed: null },
        { retryCount: 1, isRetry: true, armed: null },
      ],
    },
  },
  {
    name: "an alarm that sets another and throws is not tried again: the other one comes",
    run: async ({ probe, now, sleep }, id) => {
      const object = probe(id);
      await object.fails(1, 500);
      await object.arm(now() + 100);
      await sleep(5_500);
      return object.calls();
    },
    expected: [
      { retryCount: 0, isRetry: false, armed: null },
      { retryCount: 0, isRetry: false, armed: null },
    ],
  },
];
