import { describe, expect, test } from "vitest";
import { newOrderId } from "../../src/contract/order-id.ts";
import { madeTraceId, traceIdIn, traceIdOf, traceIdsIn } from "../../src/contract/trace.ts";
import { traces } from "../../src/runtime/log.ts";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";

describe("the trace id of a traceparent header", () => {
  test.each([
    [`00-${TRACE}-${PARENT}-01`],
    [`00-${TRACE}-${PARENT}-00`],
    [`cc-${TRACE}-${PARENT}-01`],
    [`cc-${TRACE}-${PARENT}-01-what-comes-later`],
  ])("%s is taken", (header) => {
    expect(traceIdIn(header)).toBe(TRACE);
  });

  test.each([
    [undefined],
    [""],
    ["traceparent"],
    [`ff-${TRACE}-${PARENT}-01`],
    [`0-${TRACE}-${PARENT}-01`],
    [`00-${"0".repeat(32)}-${PARENT}-01`],
    [`00-${TRACE}-${"0".repeat(16)}-01`],
    [`00-${TRACE.toUpperCase()}-${PARENT}-01`],
    [`00-${TRACE.slice(1)}-${PARENT}-01`],
    [`00-${TRACE}0-${PARENT}-01`],
    [`00-${TRACE}-${PARENT}-1`],
    [`00-${TRACE}-${PARENT}`],
    [`00-${TRACE}-${PARENT}-01-more`],
    [`cc-${TRACE}-${PARENT}-01.more`],
    [` 00-${TRACE}-${PARENT}-01`],
    // A header that was sent twice arrives so.
    [`00-${TRACE}-${PARENT}-01, 00-${TRACE}-${PARENT}-01`],
    ["\uFFFD".repeat(60_000)],
  ])("%s is ignored", (header) => {
    expect(traceIdIn(header)).toBeNull();
  });
});

test("an order id makes a valid trace id", () => {
  const orderId = newOrderId(1_700_000_000_000);
  expect(traceIdIn(`00-${madeTraceId(orderId)}-${PARENT}-01`)).toBe(madeTraceId(orderId));
  expect(traceIdOf({ orderId })).toBe(madeTraceId(orderId));
  expect(traceIdOf({ orderId, traceId: TRACE })).toBe(TRACE);
});

test("events about no order, and what is no event, have no trace id", () => {
  const orderId = newOrderId(0);
  const events = [{ orderId, traceId: TRACE }, { sku: "A" }, null, "x", { orderId, traceId: 1 }];
  expect(traceIdsIn(events)).toEqual([TRACE]);
});

describe("a line about many orders", () => {
  test("names each trace once", () => {
    expect(traces(["a", "b", "a"])).toEqual({ traceId: "a b" });
    expect(traces([])).toEqual({});
  });

  test("names 500 at most, and says how many more there are", () => {
    const ids = Array.from({ length: 503 }, (_, i) => String(i));
    const { traceId, tracesOmitted } = traces(ids);
    expect(traceId).toBe(ids.slice(0, 500).join(" "));
    expect(tracesOmitted).toBe(3);
  });
});
