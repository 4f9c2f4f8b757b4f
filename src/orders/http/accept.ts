import { Problem } from "./problem.ts";

/** A longer header counts as none. */
const MAX_HEADER_CHARS = 1_000;
const RANGE = /^([^\s;]+)\s*(?:;.*)?$/;
const WEIGHT = /;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)/i;

/**
 * The type that the header `Accept` prefers (RFC 9110, 12.5.1); of equal ones the first. Parameters
 * but `q` are ignored. Throws `not_acceptable`.
 */
export function acceptedType<T extends string>(
  header: string | undefined,
  types: readonly [T, ...T[]],
): T {
  if (header === undefined || header.trim() === "" || header.length > MAX_HEADER_CHARS)
    return types[0];
  const ranges = new Map<string, number>();
  for (const part of header.split(",")) {
    const range = RANGE.exec(part.trim())?.[1]?.toLowerCase();
    if (range === undefined) continue;
    ranges.set(range, Number(WEIGHT.exec(part)?.[1] ?? 1));
  }
  // The most specific range counts, whatever its weight.
  const weightOf = (type: T): number =>
    ranges.get(type) ?? ranges.get(`${type.split("/")[0]}/*`) ?? ranges.get("*/*") ?? 0;
  const best = types.reduce((a, b) => (weightOf(b) > weightOf(a) ? b : a));
  if (weightOf(best) > 0) return best;
  throw new Problem("not_acceptable", { detail: `There is ${types.join(" and ")}.` });
}
