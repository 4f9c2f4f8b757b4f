import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { newOrderId, timeOfOrderId } from "../../src/contract/order-id.ts";
import { nextWatermark_ms } from "../../src/stock/item/watermark.ts";
import {
  AHEAD_MS,
  apply,
  DAY_MS,
  daysUntil,
  fire,
  item,
  keepLogs,
  lock,
  newOrders,
  receive,
  rows,
  setTime,
} from "./fixtures.ts";

const T0 = Date.now() + AHEAD_MS;
beforeEach(() => {
  keepLogs();
  setTime(T0);
});
afterEach(() => void vi.useRealTimers());

describe("the watermark", () => {
  const at = (days: number) => newOrderId(T0 + days * DAY_MS);
  const time = (days: number) => timeOfOrderId(at(days));
  test.each<[string, number, number, [number, number] | null, number]>([
    ["stays while there is no order", 0, 9, null, 0],
    ["begins at the oldest order", 0, 9, [0, 20], 1],
    ["moves a day at most", 1, 9, [0, 20], 2],
    ["never passes the newest order", 1, 9, [0, 1.5], 1.5],
    ["never passes the retention", 1, 1.2, [0, 20], 1.2],
    ["never goes back", 5, 1, [0, 20], 5],
  ])("%s", (_, from, cutoff, span, expected) => {
    const orders = span && { oldest: at(span[0]), newest: at(span[1]) };
    const start = from === 0 ? 0 : time(from);
    const end = expected === 0 ? 0 : time(expected);
    expect(nextWatermark_ms(start, time(cutoff), orders)).toBe(end);
  });

  test("a clock that was 40 days ahead for a moment refuses nobody's order", async () => {
    await receive("ahead", 10);
    await apply("ahead", ...newOrders(2).map((id) => lock(id)));
    await daysUntil("ahead", T0, T0 + 31 * DAY_MS);
    setTime(T0 + 71 * DAY_MS);
    await apply("ahead", lock(newOrderId(Date.now())));
    for (let second = 0; second < 10; second++) {
      setTime(T0 + 71 * DAY_MS + second * 1_000);
      await fire("ahead");
    }
    setTime(T0 + 31 * DAY_MS + 60_000);
    expect(await apply("ahead", lock(newOrderId(Date.now())))).toEqual(["locked"]);
    const [row] = await rows("ahead", "SELECT watermark_ms FROM item");
    expect(Number(row?.["watermark_ms"])).toBeLessThan(T0 + 3 * DAY_MS);
    expect((await item("ahead").level("ahead")).level.held).toBe(4);
  });
});
