import type { Order, Status } from "../shared/api.ts";
import { plural } from "../shared/format.ts";

/** Texts for operators about orders. */

export const STATUS_WORDS: Record<Status, string> = {
  pending: "Pending",
  confirmed: "Confirmed",
  paid: "Paid",
  cancelled: "Cancelled",
  returned: "Returned",
};

const REASONS: Record<NonNullable<Order["reason"]>, string> = {
  out_of_stock: "Refused by the item: out of stock",
  limit_exceeded: "Refused by the item: above the limit per customer",
  paused: "Refused by the item: it was paused",
  customer_request: "Cancelled by the customer",
  operator_request: "Cancelled by an operator or a service",
  payment_timeout: "Not paid within its time",
  not_recorded: "It had ended, and the record of how was lost when the database was put back",
  lock_timeout: "The stock did not decide in time",
};

/** Why the order was cancelled, and what each line that was refused asked for. */
export function reasonWords({ reason, shortages }: Order): string {
  if (reason === null) return "";
  const details = (shortages ?? []).map(({ sku, requested, available, reason: why }) =>
    why === "out_of_stock"
      ? `${sku}: ${plural(requested, "unit")} asked for, ${available} available`
      : `${sku}: ${why.replaceAll("_", " ")}`,
  );
  return `${[REASONS[reason], ...details].join("; ")}.`;
}
