import { describe, expect, it } from "vitest";
import { policyOf } from "../../src/orders/config/policy.ts";

const VARS = {
  PAYMENT_WINDOW_SECONDS: "0",
  LOCK_DEADLINE_SECONDS: "900",
  GUEST_CHECKOUT: "on",
  SOLD_OUT_GATE: "off",
  DESKS: "4",
  KEY_RETENTION_HOURS: "48",
  DEAD_LETTER_RETENTION_DAYS: "30",
  FINISHED_ORDER_RETENTION_DAYS: "2",
  LATE_PAYMENT: "refund",
  DEMAND_WRITE_SECONDS: "10",
  CHANGES: "off",
};

describe("the vars", () => {
  it("are read as numbers and switches", () => {
    expect(policyOf({ ...VARS, PAYMENT_WINDOW_SECONDS: "120" })).toEqual({
      paymentWindow_ms: 120_000,
      lockDeadline_ms: 900_000,
      desks: 4,
      isGateOn: false,
      isGuestCheckoutOn: true,
      keyRetention_ms: 172_800_000,
      deadLetterRetention_ms: 2_592_000_000,
      orderRetention_ms: 172_800_000,
      latePayment: "refund",
      isListing: false,
      demandWrite_ms: 10_000,
    });
  });

  it.each([
    ["PAYMENT_WINDOW_SECONDS", "-1"],
    ["PAYMENT_WINDOW_SECONDS", "1.5"],
    ["PAYMENT_WINDOW_SECONDS", "soon"],
    ["PAYMENT_WINDOW_SECONDS", ""],
    ["PAYMENT_WINDOW_SECONDS", "1e99"],
    ["LOCK_DEADLINE_SECONDS", "NaN"],
    ["LOCK_DEADLINE_SECONDS", "  "],
    ["LOCK_DEADLINE_SECONDS", "31536001"],
    ["DESKS", "0"],
    ["DESKS", "65"],
    ["GUEST_CHECKOUT", "true"],
    ["GUEST_CHECKOUT", ""],
    ["SOLD_OUT_GATE", "ON"],
    ["KEY_RETENTION_HOURS", "23"],
    ["DEMAND_WRITE_SECONDS", "21"],
    ["LATE_PAYMENT", "on"],
    ["LATE_PAYMENT", ""],
  ])("%s=%j stops the Worker with the name of the var", (name, value) => {
    expect(() => policyOf({ ...VARS, [name]: value })).toThrow(name);
  });

  it("do not let an order go before its key", () => {
    const vars = { ...VARS, FINISHED_ORDER_RETENTION_DAYS: "1" };
    expect(() => policyOf(vars)).toThrow("must not be shorter than KEY_RETENTION_HOURS");
  });
});
