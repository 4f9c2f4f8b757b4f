import { describe, expect, test } from "vitest";
import { ConcurrencyLimit } from "../../src/runtime/concurrency-limit.ts";

describe("slots", () => {
  test("as many as the limit are given out, and one more when one is given back", () => {
    const slots = new ConcurrencyLimit(2, 1_000);
    const first = slots.tryAcquire(0);
    expect([first, slots.tryAcquire(0)]).not.toContain(null);
    expect(slots.tryAcquire(0)).toBeNull();
    first?.();
    expect(slots.tryAcquire(0)).not.toBeNull();
    expect(slots.tryAcquire(0)).toBeNull();
  });

  test("a slot that nobody gives back lapses at the end of its lease, not before", () => {
    const slots = new ConcurrencyLimit(1, 1_000);
    slots.tryAcquire(5_000);
    expect(slots.isFull(5_999)).toBe(true);
    expect(slots.tryAcquire(5_999)).toBeNull();
    expect(slots.isFull(6_000)).toBe(false);
    expect(slots.tryAcquire(6_000)).not.toBeNull();
  });

  test("only slots past their lease lapse, and the others stay taken", () => {
    const slots = new ConcurrencyLimit(3, 1_000);
    for (const at_ms of [0, 400, 800]) slots.tryAcquire(at_ms);
    expect(slots.tryAcquire(900)).toBeNull();
    expect(slots.tryAcquire(1_000)).not.toBeNull();
    expect(slots.tryAcquire(1_000)).toBeNull();
  });

  test("a slot that was taken while the clock ran ahead lapses, and keeps no other from lapsing", () => {
    const slots = new ConcurrencyLimit(2, 1_000);
    slots.tryAcquire(3_600_000);
    slots.tryAcquire(0);
    expect(slots.tryAcquire(500)).not.toBeNull();
    expect(slots.tryAcquire(500)).toBeNull();
    expect(slots.tryAcquire(1_000)).not.toBeNull();
  });

  test("a clock that goes back by a moment takes nobody's slot", () => {
    const slots = new ConcurrencyLimit(1, 1_000);
    slots.tryAcquire(100);
    expect(slots.tryAcquire(0)).toBeNull();
  });

  test("giving back twice, or after the lease, takes nobody else's slot away", () => {
    const slots = new ConcurrencyLimit(1, 1_000);
    const late = slots.tryAcquire(0);
    slots.tryAcquire(1_000);
    late?.();
    late?.();
    expect(slots.tryAcquire(1_500)).toBeNull();
  });
});
