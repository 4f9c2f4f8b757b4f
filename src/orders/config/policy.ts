import { booleanVar, choiceVar, integerVar } from "../../runtime/vars.ts";

/** The vars of wrangler.toml, parsed. An unreadable var stops the Worker with an error naming it. */
export interface Policy {
  /** How long a confirmed order waits for payment; 0: without limit. */
  paymentWindow_ms: number;
  /** How long a pending order waits for the stock Worker; 0: without limit. */
  lockDeadline_ms: number;
  /** Number of OrderDesk objects. */
  desks: number;
  isGateOn: boolean;
  keyRetention_ms: number;
  deadLetterRetention_ms: number;
  /** How long a paid or cancelled order is kept, counted from its last step; 0: without limit. */
  orderRetention_ms: number;
  isGuestCheckoutOn: boolean;
  /** What a payment for an order that expired does: place it again, or wait for its refund. */
  latePayment: "reorder" | "refund";
  /** Whether each step is listed in the table `changes`. */
  isListing: boolean;
  /** For how long an isolate counts whom the door refuses before it writes the counts; 0: it does not. */
  demandWrite_ms: number;
}

type Vars = Pick<
  OrdersEnv,
  | "KEY_RETENTION_HOURS"
  | "DEAD_LETTER_RETENTION_DAYS"
  | "FINISHED_ORDER_RETENTION_DAYS"
  | "PAYMENT_WINDOW_SECONDS"
  | "LOCK_DEADLINE_SECONDS"
  | "DESKS"
  | "SOLD_OUT_GATE"
  | "GUEST_CHECKOUT"
  | "LATE_PAYMENT"
  | "CHANGES"
  | "DEMAND_WRITE_SECONDS"
>;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export function policyOf(vars: Vars): Policy {
  const integer = (name: keyof Vars, min: number, max: number) =>
    integerVar(name, vars[name], min, max);
  const keyRetention_ms = integer("KEY_RETENTION_HOURS", 24, 8_760) * HOUR_MS;
  const orderRetention_ms = integer("FINISHED_ORDER_RETENTION_DAYS", 0, 3_650) * DAY_MS;
  if (orderRetention_ms > 0 && orderRetention_ms < keyRetention_ms) {
    throw new RangeError(
      "FINISHED_ORDER_RETENTION_DAYS must not be shorter than KEY_RETENTION_HOURS",
    );
  }
  return {
    keyRetention_ms,
    orderRetention_ms,
    deadLetterRetention_ms: integer("DEAD_LETTER_RETENTION_DAYS", 1, 3_650) * DAY_MS,
    paymentWindow_ms: integer("PAYMENT_WINDOW_SECONDS", 0, 31_536_000) * 1000,
    lockDeadline_ms: integer("LOCK_DEADLINE_SECONDS", 0, 31_536_000) * 1000,
    desks: integer("DESKS", 1, 64),
    isGateOn: booleanVar("SOLD_OUT_GATE", vars.SOLD_OUT_GATE),
    isGuestCheckoutOn: booleanVar("GUEST_CHECKOUT", vars.GUEST_CHECKOUT),
    latePayment: choiceVar("LATE_PAYMENT", vars.LATE_PAYMENT, ["reorder", "refund"]),
    isListing: booleanVar("CHANGES", vars.CHANGES),
    // The platform ends what goes on for 30 s after a response.
    demandWrite_ms: integer("DEMAND_WRITE_SECONDS", 0, 20) * 1000,
  };
}
