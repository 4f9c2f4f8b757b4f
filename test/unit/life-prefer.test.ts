import { describe, expect, test } from "vitest";
import { parsePrefer } from "../../src/orders/http/prefer.ts";

const NONE = { wait_ms: 0, applied: null };
const ASYNC = { wait_ms: 0, applied: "respond-async" };
const waits = (seconds: number) => ({ wait_ms: seconds * 1_000, applied: `wait=${seconds}` });

describe("Prefer (RFC 7240)", () => {
  test.each<[string, string | undefined, ReturnType<typeof parsePrefer>]>([
    ["no header", undefined, NONE],
    ["an empty header", "", NONE],
    ["wait", "wait=3", waits(3)],
    ["wait in capitals", "WAIT=3", waits(3)],
    ["a quoted number", 'wait="3"', waits(3)],
    ["spaces around the sign", "wait = 3", waits(3)],
    ["more than the maximum", "wait=11", waits(10)],
    ["a very long wait", "wait=10000000000", waits(10)],
    ["a wait of 400 digits", `wait=${"9".repeat(400)}`, waits(10)],
    ["leading zeros", "wait=0005", waits(5)],
    ["no time at all", "wait=0", NONE],
    ["wait without a value", "wait", NONE],
    ["wait with an empty value", 'wait=""', NONE],
    ["a negative wait", "wait=-1", NONE],
    ["a fraction", "wait=1.5", NONE],
    ["a number that is none", "wait=1e1", NONE],
    ["two values", "wait=1 2", NONE],
    ["a quote that is not closed", 'wait="3', NONE],
    ["a quote that is not opened", 'wait=3"', NONE],
    ["a wait inside a quote that is not closed", 'foo="a, wait=3', NONE],
    ["an unknown preference", "handling=lenient", NONE],
    ["respond-async", "respond-async", ASYNC],
    ["respond-async in capitals", "Respond-Async", ASYNC],
    ["wait before respond-async", "wait=3, respond-async", waits(3)],
    ["respond-async before wait", "respond-async, wait=3", waits(3)],
    ["respond-async and a wait that is malformed", "wait=x, respond-async", ASYNC],
    ["the first of two waits", "wait=2, wait=7", waits(2)],
    ["the first of two waits, malformed", "wait=x, wait=7", NONE],
    ["a malformed neighbour", "=;=, wait=3", waits(3)],
    ["empty list elements", ", ,wait=3,,", waits(3)],
    ["a parameter", "wait=3; foo=bar", waits(3)],
    ["parameters without a value, and empty ones", "wait=3;foo;;bar=;", NONE],
    ["empty parameters", "wait=3;;  ; foo ;", waits(3)],
    ["a wait in the parameters of another", "foo; wait=3", NONE],
    ["a wait in another's quoted value", 'foo="a, wait=3", wait=4', waits(4)],
    ["an escaped quote in another's value", 'foo="a\\", wait=3", wait=4', waits(4)],
    ["a header of 1,000 characters", `wait=3, ${"x".repeat(992)}`, waits(3)],
    ["a longer header", `wait=3, ${"x".repeat(993)}`, NONE],
  ])("%s", (_, header, expected) => {
    expect(parsePrefer(header)).toEqual(expected);
  });

  test.each([
    ["; ", "@"],
    [";", "@"],
    [" ;\t", "@"],
    ["; a=b ", "@"],
    ['"', "@"],
    ['a"', ""],
    ['\\"', '"'],
    [" ", "@"],
    [",", "@"],
  ])("1,000 characters of %j take no time", (piece, end) => {
    const header = `a${piece.repeat(Math.floor(998 / piece.length))}${end}`;
    const start_ms = performance.now();
    expect(parsePrefer(header)).toEqual(NONE);
    expect(performance.now() - start_ms).toBeLessThan(100);
  });
});
