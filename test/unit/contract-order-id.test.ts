import * as v from "valibot";
import { describe, expect, test } from "vitest";
import {
  newOrderId,
  OrderIdSchema,
  orderIdFloor,
  timeOfOrderId,
} from "../../src/contract/order-id.ts";

const NOW = Date.parse("2026-11-22T10:00:00.123Z");
const TIMES = [0, 1, 65_535, 65_536, NOW - 1, NOW, NOW + 1, NOW + 86_400_000, 2 ** 48 - 1];

describe("an order id", () => {
  test("is a valid one and another each time", () => {
    const ids = Array.from({ length: 200 }, () => newOrderId(NOW));
    expect(new Set(ids).size).toBe(200);
    for (const id of ids) expect(v.is(OrderIdSchema, id)).toBe(true);
  });

  test.each(TIMES)("made at %i says so", (time_ms) => {
    expect(timeOfOrderId(newOrderId(time_ms))).toBe(time_ms);
  });

  test("sorts as text by the millisecond it was made in", () => {
    const ids = TIMES.map((time_ms) => newOrderId(time_ms));
    expect(ids.toReversed().toSorted()).toEqual(ids);
  });

  test.each([
    ["of version 4", "0198f3a0-0000-4000-8000-000000000001"],
    ["in capitals", "0198F3A0-0000-7000-8000-000000000001"],
    ["of another variant", "0198f3a0-0000-7000-c000-000000000001"],
    ["with something after it", "0198f3a0-0000-7000-8000-000000000001\n"],
    ["without dashes", "0198f3a0000070008000000000000001"],
    ["empty", ""],
  ])("%s is refused", (_, id) => {
    expect(v.is(OrderIdSchema, id)).toBe(false);
  });
});

describe("the floor of a moment", () => {
  test.each(TIMES)("at %i lies above every older id and below every id from then on", (time_ms) => {
    const floor = orderIdFloor(time_ms);
    for (let i = 0; i < 20; i++) {
      const older = time_ms > 0 ? newOrderId(time_ms - 1) : "";
      expect([newOrderId(time_ms), floor, older].toSorted()).toEqual([
        older,
        floor,
        expect.any(String),
      ]);
    }
  });

  test("is no valid order id", () => {
    expect(v.is(OrderIdSchema, orderIdFloor(NOW))).toBe(false);
  });

  test("before 1970 is that of 1970, and of a fraction that of the millisecond", () => {
    expect(orderIdFloor(-5)).toBe(orderIdFloor(0));
    expect(orderIdFloor(NOW + 0.7)).toBe(orderIdFloor(NOW));
  });
});
