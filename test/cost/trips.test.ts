import { beforeAll, expect, test } from "vitest";
import { type CountedTrips, countTrips, PLACE } from "../../bench/cost/trips.ts";

/** Calls of D1 and objects that a request makes one after the other, counted in workerd. */

let counted: CountedTrips;
beforeAll(async () => {
  counted = await countTrips();
}, 120_000);

const sequenceOf = (call: string) => counted.lockstock.find((one) => one.call === call)?.all;

test.each([PLACE, "pay", "cancel", "return"])("%s: two calls in sequence", (call) => {
  expect(sequenceOf(call)).toBe(2);
});

test("an order that waits for its outcome makes four, a read one", () => {
  // The desk; in it D1, the items at the same time, and D1 again.
  expect(sequenceOf("place and wait for the outcome")).toBe(4);
  expect(sequenceOf("read an order")).toBe(1);
});

test("the first order after a pause makes one more: the reconciler is asked before the commit", () => {
  expect(sequenceOf("place the first order after 20 s without one")).toBe(3);
});

test("the baselines make one, and promise less", () => {
  expect(counted.baselines).toEqual({
    "d1-only": { all: 1, fromWorker: 1 },
    "one-at-a-time": { all: 1, fromWorker: 1 },
  });
});
