import type { Order, OrderStatus, Shortage } from "../../../packages/client/src/index.ts";
import { money, plural, timeOfDay } from "./format.ts";
import type { LockstockProblem } from "./problem.ts";

/** Texts for buyers about an order's status and errors. */

export const STATUS_WORDS: Record<OrderStatus, string> = {
  pending: "Accepted",
  confirmed: "Confirmed",
  paid: "Paid",
  cancelled: "Cancelled",
  returned: "Returned",
};

type NameOf = (sku: string) => string;

export function reasonWords({ reason, shortages, lines }: Order): string {
  const nameOf: NameOf = (sku) => lines.find((line) => line.sku === sku)?.name ?? sku;
  switch (reason) {
    case null:
      return "";
    case "out_of_stock":
      return `Sold out before your order was reached. ${shortageWords(shortages, nameOf)}`.trim();
    case "limit_exceeded":
      return `More than one customer may have. ${shortageWords(shortages, nameOf)}`.trim();
    case "paused":
      return `The shop takes no orders for it at the moment. ${shortageWords(shortages, nameOf)}`.trim();
    case "customer_request":
      return "Cancelled on request. Everything went back on sale.";
    case "operator_request":
      return "The shop cancelled it. Everything went back on sale.";
    case "payment_timeout":
      return "It was not paid in time, so everything went back on sale.";
    case "lock_timeout":
      return "The stock did not answer in time. Nothing was taken; please order again.";
    case "not_recorded":
      return "It was cancelled. Everything went back on sale.";
  }
}

function shortageWords(shortages: readonly Shortage[] | undefined, nameOf: NameOf): string {
  return (shortages ?? [])
    .map(({ sku, requested, available, reason }) => {
      if (reason === "limit_exceeded") return `${nameOf(sku)}: your limit is used up.`;
      if (reason === "paused") return `${nameOf(sku)}: paused.`;
      if (reason === "expired") return `${nameOf(sku)}: the order was too old.`;
      const left = available === 0 ? "none was left" : `only ${available} left`;
      return `${nameOf(sku)}: ${requested} wanted, ${left}.`;
    })
    .join(" ");
}

/** Why an order was not accepted, from the API's response. */
export function refusalWords(problem: LockstockProblem, nameOf: NameOf): string {
  const { body, code } = problem;
  const details = shortageWords(body.shortages, nameOf);
  switch (code) {
    case "out_of_stock":
      return `Sold out. ${details || "Somebody was faster."} Nothing was ordered.`;
    case "limit_exceeded":
      return `More than one customer may have. ${details} Nothing was ordered.`;
    case "paused":
      return `The shop takes no orders for it at the moment. ${details} Nothing was ordered.`;
    case "sale_not_open":
      return body.saleStartsAt && Date.parse(body.saleStartsAt) > Date.now()
        ? `The sale opens at ${timeOfDay(body.saleStartsAt)}. Nothing was ordered.`
        : "The sale is over. Nothing was ordered.";
    case "unknown_item":
      return "One of the items is no longer offered. Nothing was ordered.";
    default:
      return `${body.title}. ${body.detail} Nothing was ordered.`;
  }
}

/** Why a check has made no guest, for the buyer, who may try again. */
export function challengeWords({ code, detail }: LockstockProblem): string {
  switch (code) {
    case "challenge_failed":
      return "It may have taken too long. Try it once more; if it fails again, reload the page or use another browser.";
    case "unavailable":
      return "The check cannot be verified at the moment. Nothing is lost: try again in a few seconds.";
    default:
      return detail;
  }
}

/** `2 × Tides, 1 × Comet runner`. */
export const linesWords = (lines: readonly { quantity: number; name: string }[]): string =>
  lines.map(({ quantity, name }) => `${quantity} × ${name}`).join(", ");

/** The text that a screen reader reads out when an order changes. */
export function announcement(order: Order): string {
  const what = linesWords(order.lines);
  switch (order.status) {
    case "pending":
      return `Order accepted: ${what}, ${money(order.total)}.`;
    case "confirmed":
      return `Order confirmed: ${what}.`;
    case "paid":
      return `Order paid: ${what}.`;
    case "returned":
      return `Order returned: ${what}.`;
    case "cancelled":
      return `Order cancelled: ${what}. ${reasonWords(order)}`;
  }
}

export const unitsLeft = (available: number): string =>
  available === 0 ? "Sold out" : `${plural(available, "left", "left")}`;
