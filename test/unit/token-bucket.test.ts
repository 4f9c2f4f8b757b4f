import { expect, test } from "vitest";
import { ConcurrencyLimits } from "../../src/runtime/concurrency-limits.ts";
import { TokenBucket } from "../../src/runtime/token-bucket.ts";

const taken = (bucket: TokenBucket, now_ms: number): number => {
  let count = 0;
  while (bucket.tryTake(now_ms)) count++;
  return count;
};

test("a bucket allows a burst, then one call each interval, and never more than a burst", () => {
  const bucket = new TokenBucket(3, 1_000);
  expect(taken(bucket, 10_000)).toBe(3);
  expect(taken(bucket, 10_999)).toBe(0);
  expect(taken(bucket, 11_000)).toBe(1);
  expect(taken(bucket, 13_500)).toBe(2);
  expect(taken(bucket, 14_000)).toBe(1);
  expect(taken(bucket, 9_000_000)).toBe(3);
});

test("a clock that goes back refills nothing, and stops nothing for good", () => {
  const bucket = new TokenBucket(2, 1_000);
  expect(taken(bucket, 100_000)).toBe(2);
  expect(taken(bucket, 50_000)).toBe(0);
  expect(taken(bucket, 51_000)).toBe(1);
});

test("each key has slots of its own, which lapse, for a bounded number of keys", () => {
  const limits = new ConcurrencyLimits(2, 100, 2);
  const release = limits.tryAcquire("a", 0);
  limits.tryAcquire("a", 0);
  expect(limits.tryAcquire("a", 0)).toBeNull();
  expect(limits.tryAcquire("b", 50)).not.toBeNull();
  expect(limits.tryAcquire("c", 50)).toBeNull();
  release?.();
  expect(limits.tryAcquire("a", 50)).not.toBeNull();
  // "a" has one until 100 and one until 150, "b" until 150.
  expect(limits.tryAcquire("c", 149)).toBeNull();
  expect(limits.tryAcquire("c", 150)).not.toBeNull();
});
