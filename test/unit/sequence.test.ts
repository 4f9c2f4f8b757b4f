import { expect, test } from "vitest";
import { sequenceOf } from "../../bench/cost/sequence.ts";
import type { Call } from "../../bench/meter/trace.ts";

/** A request from 0 to 100 that makes these calls. */
const of = (...calls: [by: string, what: string, start: number, end: number | null][]) =>
  sequenceOf([
    { by: "client", what: "request", start: 0, end: 100 },
    ...calls.map(([by, what, start, end]): Call => ({ by, what, start, end })),
  ]);

test("a request without calls has none", () => {
  expect(of()).toEqual({ all: 0, fromWorker: 0 });
});

test("calls one after the other add up, and calls at the same time count once", () => {
  expect(of(["http", "D1", 1, 2], ["http", "D1", 3, 4])).toEqual({ all: 2, fromWorker: 2 });
  expect(of(["http", "D1", 1, 4], ["http", "Reconciler", 2, 3])).toEqual({ all: 1, fromWorker: 1 });
  expect(of(["http", "D1", 1, 4], ["http", "Reconciler", 2, 3], ["http", "D1", 5, 6]).all).toBe(2);
});

test("what a called object calls meanwhile adds to it", () => {
  const desk = of(
    ["http", "OrderDesk", 1, 8],
    ["OrderDesk", "D1", 2, 3],
    ["OrderDesk", "D1", 4, 5],
  );
  expect(desk).toEqual({ all: 3, fromWorker: 1 });
});

test("what others call, and what ends after the response, does not count", () => {
  expect(of(["Reconciler", "D1", 1, 2]).all).toBe(0);
  expect(of(["http", "CustomerFeed", 1, null], ["http", "D1", 2, 101]).all).toBe(0);
  expect(of(["http", "OrderDesk", 1, 4], ["OrderDesk", "CustomerFeed", 2, 9]).all).toBe(1);
});
