import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { bisect } from "../../src/orders/database/bisect.ts";

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Work that fails whenever it meets one of the bad numbers, and counts its calls. */
function workWithout(...bad: number[]) {
  const calls: number[][] = [];
  const work = async (part: readonly number[]): Promise<number[]> => {
    calls.push([...part]);
    if (part.some((n) => bad.includes(n))) throw new Error("bad entry");
    return [...part];
  };
  return { calls, work };
}

describe("bisecting", () => {
  it("does all at once when all goes well", async () => {
    const { calls, work } = workWithout();
    const { results, failed } = await bisect(range(200), work);
    expect(results).toEqual([range(200)]);
    expect(failed.size).toBe(0);
    expect(calls).toHaveLength(1);
  });

  it("does the same once more before it halves, because a reply may have been lost", async () => {
    let isLost = true;
    const calls: number[] = [];
    const { results, failed } = await bisect(range(8), async (part) => {
      calls.push(part.length);
      if (isLost) {
        isLost = false;
        throw new Error("lost reply");
      }
      return part.length;
    });
    expect(calls).toEqual([8, 8]);
    expect(results).toEqual([8]);
    expect(failed.size).toBe(0);
  });

  it.each([0, 1, 77, 100, 199])("singles out entry %s of 200 and saves the others", async (bad) => {
    const { calls, work } = workWithout(bad);
    const { results, failed } = await bisect(range(200), work);
    expect([...failed.keys()]).toEqual([bad]);
    expect(failed.get(bad)).toContain("bad entry");
    expect(results.flat().toSorted((a, b) => a - b)).toEqual(range(200).filter((n) => n !== bad));
    expect(calls.length).toBeLessThanOrEqual(24);
  });

  it("makes a bounded number of calls when everything fails, and loses track of nothing", async () => {
    const { calls, work } = workWithout(...range(200));
    const { results, failed } = await bisect(range(200), work);
    expect(calls.length).toBe(24);
    expect(results).toEqual([]);
    expect([...failed.keys()].toSorted((a, b) => a - b)).toEqual(range(200));
  });

  it("tries a single entry twice", async () => {
    const { calls, work } = workWithout(0);
    const { failed } = await bisect([0], work);
    expect(calls).toEqual([[0], [0]]);
    expect(failed.size).toBe(1);
  });

  it("does nothing for nothing", async () => {
    const { calls, work } = workWithout();
    expect(await bisect([], work)).toEqual({ results: [], failed: new Map() });
    expect(calls).toEqual([]);
  });
});

describe("bisecting while the database is away", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it("stops at the first time-out: what is left has failed", async () => {
    let calls = 0;
    const result = bisect(range(200), () => {
      calls++;
      return new Promise<never>(() => {});
    });
    await vi.advanceTimersByTimeAsync(10_000);
    expect((await result).failed.size).toBe(200);
    expect(calls).toBe(1);
  });

  it("keeps what went through before the time-out", async () => {
    const seen: number[] = [];
    const result = bisect(range(4), async (part) => {
      if (part.length === 4) throw new Error("one of these");
      if (part.includes(0)) return await new Promise<number>(() => {});
      seen.push(...part);
      return part.length;
    });
    await vi.advanceTimersByTimeAsync(10_000);
    const { results, failed } = await result;
    expect(seen).toEqual([2, 3]);
    expect(results).toEqual([2]);
    expect([...failed.keys()].toSorted((a, b) => a - b)).toEqual([0, 1]);
  });
});
