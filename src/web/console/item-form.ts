import { minorDigitsOf } from "../../contract/currencies.ts";
import { decimal, minorUnits } from "../shared/format.ts";
import { LockstockProblem } from "../shared/problem.ts";
import { textOf } from "./form.tsx";
import type { StockedItem } from "./items.ts";

/** What the item form shows of an item, and what of it an operator has edited. */

/** The texts of the form's fields. */
export interface ItemTexts {
  name: string;
  price: string;
  currency: string;
  limit: string;
  /** Minutes. */
  window: string;
  starts: string;
  ends: string;
  status: string;
}

const FIELDS = [
  "name",
  "price",
  "currency",
  "limit",
  "window",
  "starts",
  "ends",
  "status",
] as const;

export const textsOf = (item: StockedItem | null): ItemTexts => ({
  name: item?.name ?? "",
  price: item ? decimal(item.price) : "",
  currency: item?.price.currency ?? "EUR",
  limit: `${item?.limitPerCustomer ?? ""}`,
  window: minutesOf(item?.paymentWindowSeconds ?? null),
  starts: localTime(item?.saleStartsAt ?? null),
  ends: localTime(item?.saleEndsAt ?? null),
  status: item?.status ?? "draft",
});

const typedIn = (data: FormData): ItemTexts =>
  Object.fromEntries(FIELDS.map((field) => [field, textOf(data, field)])) as never as ItemTexts;

/** The whole item, for a new one. */
export function itemOf(data: FormData) {
  const { name, price, currency, limit, window, starts, ends, status } = typedIn(data);
  return {
    name,
    price: { amount: amountOf(price, currency), currency },
    limitPerCustomer: limitOf(limit),
    paymentWindowSeconds: secondsOf(window),
    saleStartsAt: isoTime(starts),
    saleEndsAt: isoTime(ends),
    status: statusOf(status),
  };
}

/**
 * The fields that differ from what the form showed. What was not edited is not sent: a sale's time
 * keeps what the field does not show, and another operator's change of another field stays.
 */
export function editsOf(data: FormData, shown: ItemTexts) {
  const typed = typedIn(data);
  const isEdited = (field: keyof ItemTexts) => typed[field] !== shown[field];
  const { name, price, currency, limit, window, starts, ends, status } = typed;
  return {
    ...(isEdited("name") && { name }),
    // The amount means nothing without its currency.
    ...((isEdited("price") || isEdited("currency")) && {
      price: { amount: amountOf(price, currency), currency },
    }),
    ...(isEdited("limit") && { limitPerCustomer: limitOf(limit) }),
    ...(isEdited("window") && { paymentWindowSeconds: secondsOf(window) }),
    ...(isEdited("starts") && { saleStartsAt: isoTime(starts) }),
    ...(isEdited("ends") && { saleEndsAt: isoTime(ends) }),
    ...(isEdited("status") && { status: statusOf(status) }),
  };
}

const LABELS: Record<keyof ItemTexts, string> = {
  name: "name",
  price: "price",
  currency: "currency",
  limit: "limit per customer",
  window: "time to pay",
  starts: "start of the sale",
  ends: "end of the sale",
  status: "status",
};

/** What somebody else has changed, as one sentence each. */
export function changesBetween(before: ItemTexts, after: ItemTexts): string[] {
  return FIELDS.filter((field) => before[field] !== after[field]).map(
    (field) => `The ${LABELS[field]} is now ${after[field] === "" ? "empty" : after[field]}.`,
  );
}

const limitOf = (text: string): number | null => (text === "" ? null : Number(text));
const minutesOf = (seconds: number | null): string =>
  seconds === null ? "" : `${Number((seconds / 60).toFixed(4))}`;
const secondsOf = (minutes: string): number | null =>
  minutes === "" ? null : Math.round(Number(minutes) * 60);
/** Units that a new item begins with. */
export const unitsOf = (data: FormData): number => Number(textOf(data, "units"));

const statusOf = (text: string) => (text === "draft" ? ("draft" as const) : ("listed" as const));

/** Throws the error that the form shows. The field cannot check it without the currency. */
function amountOf(text: string, currency: string): number {
  const amount = minorUnits(text, currency);
  if (amount !== null) return amount;
  const digits = minorDigitsOf(currency);
  throw new LockstockProblem({
    title: `This is no price in ${currency}`,
    detail:
      digits === undefined
        ? `${currency} is no currency of ISO 4217 that is in use.`
        : `A price in ${currency} has ${digits === 0 ? "no" : `at most ${digits}`} decimals, like ${decimal({ amount: 12_345, currency })}.`,
    status: 400,
  });
}

const isoTime = (local: string): string | null =>
  local === "" ? null : new Date(local).toISOString();

/** The format of an input of type datetime-local, with seconds if there are any. */
function localTime(at: string | null): string {
  if (at === null) return "";
  const time = new Date(at);
  const shifted = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  const text = shifted.toISOString().slice(0, 19);
  return text.endsWith(":00") ? text.slice(0, 16) : text;
}
