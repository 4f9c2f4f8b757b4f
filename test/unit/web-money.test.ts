import { describe, expect, it } from "vitest";
import { CURRENCIES, minorDigitsOf } from "../../src/contract/currencies.ts";
import { decimal, minorUnits, money } from "../../src/web/shared/format.ts";

describe("an amount is shown with the digits that ISO 4217 gives its currency", () => {
  it.each([
    [{ amount: 18_900, currency: "EUR" }, "€189.00"],
    [{ amount: 5, currency: "USD" }, "US$0.05"],
    [{ amount: 500, currency: "JPY" }, "JP¥500"],
    [{ amount: 12_345, currency: "KWD" }, "KWD 12.345"],
    // CLDR, which browsers follow, writes these three without or with fewer digits.
    [{ amount: 1_500, currency: "IQD" }, "IQD 1.500"],
    [{ amount: 150, currency: "LBP" }, "LBP 1.50"],
    [{ amount: 7, currency: "MGA" }, "MGA 0.07"],
    [{ amount: 381_234, currency: "CLF" }, "CLF 38.1234"],
    [{ amount: 1_000_000_000 * 1_000, currency: "KWD" }, "KWD 1,000,000,000.000"],
    // Withdrawn, and none at all: an item may have had it before the list was held.
    [{ amount: 250, currency: "HRK" }, "HRK 2.50"],
    [{ amount: 250, currency: "ZZZ" }, "ZZZ 2.50"],
  ])("%j is %s", (price, text) => {
    expect(money(price).replaceAll("\u00a0", " ")).toBe(text);
  });
});

describe("a typed price is read with the digits that ISO 4217 gives its currency", () => {
  it.each([
    ["12.345", "KWD", 12_345],
    ["12.3", "KWD", 12_300],
    ["12", "EUR", 1_200],
    ["12.50", "EUR", 1_250],
    ["0.29", "EUR", 29], // 0.29 * 100 is 28.999…
    ["1500", "JPY", 1_500],
    ["1.500", "IQD", 1_500],
    ["0", "EUR", 0],
    ["10000000.00", "EUR", 1_000_000_000],
  ])("%s %s", (text, currency, amount) => {
    expect(minorUnits(text, currency)).toBe(amount);
  });

  it.each([
    ["1500.50", "JPY"],
    ["1500.", "JPY"],
    ["12.345", "EUR"],
    ["12.3456", "KWD"],
    ["1e3", "EUR"],
    ["-1", "EUR"],
    ["1,50", "EUR"],
    [".5", "EUR"],
    ["", "EUR"],
    ["1", "ZZZ"],
    ["1", "XAU"],
    ["1", "HRK"],
  ])("%j is no price in %s", (text, currency) => {
    expect(minorUnits(text, currency)).toBeNull();
  });

  it("gives back what a field starts with, in every currency", () => {
    for (const currency of CURRENCIES) {
      for (const amount of [0, 1, 99, 12_345, 1_000_000_000]) {
        expect(minorUnits(decimal({ amount, currency }), currency)).toBe(amount);
      }
    }
  });
});

describe("the list of currencies", () => {
  it("has as many codes as list one of 2026-01-01, by their digits", () => {
    const byDigits = Map.groupBy(CURRENCIES, (code) => minorDigitsOf(code));
    const counts = [0, 2, 3, 4].map((digits) => byDigits.get(digits)?.length);
    expect([CURRENCIES.length, counts]).toEqual([165, [17, 139, 7, 2]]);
    expect(CURRENCIES).toEqual([...new Set(CURRENCIES)].toSorted());
    expect(CURRENCIES.filter((code) => !/^[A-Z]{3}$/.test(code))).toEqual([]);
  });
});
