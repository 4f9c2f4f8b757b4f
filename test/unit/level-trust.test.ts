import { describe, expect, test } from "vitest";
import { MINUTE_MS, nextTrust_ms, TRUSTED_ROUNDS } from "../../src/orders/items/level-trust.ts";
import { lengthOf_ms, NO_ROUND, roundAfter } from "../../src/orders/reconcile/level-round.ts";

const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

describe("trust in a level that is told again", () => {
  const after = (unchangedFor_ms: number, trust_ms = 90_000, isRefusing = true, refusing = 1) =>
    nextTrust_ms({ trust_ms, unchangedFor_ms, isRefusing }, refusing);

  test("grows by half of the time in which nothing has changed", () => {
    expect(after(60_000)).toBe(120_000);
    expect(after(80_000, 120_000)).toBe(160_000);
  });

  test("never shrinks, though clocks differ", () => expect(after(-5_000)).toBe(90_000));

  test.each([
    ["an hour for one that refuses orders", true, 1, HOUR_MS],
    ["an hour for 4,800 that do", true, 4_800, HOUR_MS],
    ["so that 100,000 are asked no more than 80 times a minute", true, 100_000, 1_250 * MINUTE_MS],
    ["a week for one that lets orders in", false, 100_000, 7 * DAY_MS],
  ])("is at most %s", (_, isRefusing, refusing, max_ms) => {
    expect(after(30 * DAY_MS, 60_000, isRefusing, refusing)).toBe(max_ms);
  });

  test("asks an item that sold out an hour ago some ten times, and a quiet one hourly", () => {
    let [trust_ms, told_ms, asks] = [90_000, 0, 0];
    for (let now_ms = 0; now_ms <= HOUR_MS; now_ms += MINUTE_MS) {
      if (told_ms + trust_ms >= now_ms + MINUTE_MS + 10_000) continue;
      trust_ms = after(now_ms - told_ms, trust_ms);
      told_ms = now_ms;
      asks++;
    }
    expect(asks).toBeGreaterThan(5);
    expect(asks).toBeLessThan(12);
    expect(trust_ms).toBeGreaterThan(HOUR_MS / 3);
  });
});

describe("a round over the items that refuse orders", () => {
  const T0 = 1_700_000_040_000;

  test("that ends in its first minute takes a minute, and begins anew", () => {
    expect(roundAfter(NO_ROUND, { seen: 500, next: "" }, T0)).toEqual({ ...NO_ROUND, size: 500 });
  });

  test("that goes on says how long it takes already, and at its end how long it took", () => {
    let round = NO_ROUND;
    for (let minute = 0; minute < 11; minute++) {
      const now_ms = T0 + minute * MINUTE_MS;
      round = roundAfter(round, { seen: 900, next: minute < 10 ? `sku-${minute}` : "" }, now_ms);
      expect(lengthOf_ms(round, now_ms)).toBe((minute + 1) * MINUTE_MS);
    }
    expect(round).toEqual({ ...NO_ROUND, size: 9_900, took_ms: 11 * MINUTE_MS });
    const short = roundAfter(round, { seen: 9_900, next: "" }, T0 + 11 * MINUTE_MS);
    expect(lengthOf_ms(short, T0 + 11 * MINUTE_MS)).toBe(MINUTE_MS);
  });

  test("is shorter than the trust that follows it", () =>
    expect(TRUSTED_ROUNDS).toBeGreaterThan(1));
});
