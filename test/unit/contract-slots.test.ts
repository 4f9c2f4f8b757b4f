import { describe, expect, test } from "vitest";
import { Slots } from "../../src/contract/slots.ts";

describe("slots", () => {
  test("as many as the limit are given out, and one more when one is given back", () => {
    const slots = new Slots(2, 1_000);
    const first = slots.take(0);
    expect([first, slots.take(0)]).not.toContain(null);
    expect(slots.take(0)).toBeNull();
    first?.();
    expect(slots.take(0)).not.toBeNull();
    expect(slots.take(0)).toBeNull();
  });

  test("a slot that nobody gives back lapses at the end of its lease, not before", () => {
    const slots = new Slots(1, 1_000);
    slots.take(5_000);
    expect(slots.isFull(5_999)).toBe(true);
    expect(slots.take(5_999)).toBeNull();
    expect(slots.isFull(6_000)).toBe(false);
    expect(slots.take(6_000)).not.toBeNull();
  });

  test("only slots past their lease lapse, and the others stay taken", () => {
    const slots = new Slots(3, 1_000);
    for (const at_ms of [0, 400, 800]) slots.take(at_ms);
    expect(slots.take(900)).toBeNull();
    expect(slots.take(1_000)).not.toBeNull();
    expect(slots.take(1_000)).toBeNull();
  });

  test("giving back twice, or after the lease, takes nobody else's slot away", () => {
    const slots = new Slots(1, 1_000);
    const late = slots.take(0);
    slots.take(1_000);
    late?.();
    late?.();
    expect(slots.take(1_500)).toBeNull();
  });
});
