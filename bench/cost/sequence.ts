import type { Call } from "../meter/trace.ts";

/** How many calls of D1 and objects one request makes one after the other. */
export interface Sequence {
  /** Each call with those that its object makes meanwhile. */
  all: number;
  /** Those that the Worker itself makes, where the request came in. */
  fromWorker: number;
}

/**
 * Counts the calls of the one request that was traced, up to its response. Calls that overlap are
 * made at the same time and count once.
 */
export function sequenceOf(calls: readonly Call[]): Sequence {
  const request = calls.find(({ what }) => what === "request");
  if (!request) throw new Error("no request was traced");
  const nested = (call: Call): number =>
    longest(within(calls, call, call.what), (one) => 1 + nested(one));
  const own = within(calls, request, "http");
  return {
    all: longest(own, (one) => 1 + nested(one)),
    fromWorker: longest(own, () => 1),
  };
}

/** What a caller has called, and heard the end of, while this call was under way. */
const within = (calls: readonly Call[], outer: Call, by: string): Call[] =>
  calls.filter((call) => call.by === by && call.start > outer.start && endOf(call) < endOf(outer));

const endOf = ({ end }: Call): number => end ?? Infinity;

/** The weight of the heaviest chain of calls of which each begins after the one before has ended. */
function longest(calls: readonly Call[], weightOf: (call: Call) => number): number {
  const chains: { end: number; weight: number }[] = [];
  for (const call of calls.toSorted((a, b) => endOf(a) - endOf(b))) {
    const before = chains.filter(({ end }) => end < call.start).map(({ weight }) => weight);
    chains.push({ end: endOf(call), weight: weightOf(call) + Math.max(0, ...before) });
  }
  return Math.max(0, ...chains.map(({ weight }) => weight));
}
