import { minorDigitsOf } from "../../contract/currencies.ts";

/** Formats numbers and times. */

/** In the console: English words, and the numbers and times that go with them. */
let locale = "en-GB";
let formats = formatsOf(locale);

/** The page's language and region (BCP 47), for all that is formatted from now on. */
export function setLocale(tag: string): void {
  locale = tag;
  formats = formatsOf(tag);
}

function formatsOf(tag: string) {
  const time = { hour: "2-digit", minute: "2-digit" } as const;
  const day = { day: "numeric", month: "short" } as const;
  return {
    count: new Intl.NumberFormat(tag),
    time: new Intl.DateTimeFormat(tag, time),
    clock: new Intl.DateTimeFormat(tag, { timeStyle: "medium" }),
    day: new Intl.DateTimeFormat(tag, { ...day, ...time }),
    dayClock: new Intl.DateTimeFormat(tag, { ...day, ...time, second: "2-digit" }),
    yearAndTime: new Intl.DateTimeFormat(tag, { ...day, ...time, year: "numeric" }),
  };
}

interface Money {
  /** In minor units. */
  amount: number;
  currency: string;
}

/** For withdrawn currencies, for which ISO 4217 lists no digits. */
const OTHER_DIGITS = 2;
const digitsOf = (currency: string): number => minorDigitsOf(currency) ?? OTHER_DIGITS;

/** Uses the digits of ISO 4217: browsers use CLDR's, which has 0 for IQD and LBP. */
export function money({ amount, currency }: Money): string {
  const digits = digitsOf(currency);
  const format = new Intl.NumberFormat(locale, {
    style: "currency",
    currency,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return format.format(amount / 10 ** digits);
}

/** An amount as the text of an input field: `12.345` for 12345 of KWD. */
export function decimal({ amount, currency }: Money): string {
  const digits = digitsOf(currency);
  return (amount / 10 ** digits).toFixed(digits);
}

/**
 * Parses a typed price into minor units, digit by digit, so that nothing is rounded. Null when the
 * text is not a number or has more decimals than the currency, or when ISO 4217 lacks the currency.
 */
export function minorUnits(text: string, currency: string): number | null {
  const digits = minorDigitsOf(currency);
  const [, whole = "", decimals = ""] = /^(\d{1,12})(?:\.(\d+))?$/.exec(text) ?? [];
  if (digits === undefined || whole === "" || decimals.length > digits) return null;
  return Number(whole + decimals.padEnd(digits, "0"));
}

export const count = (n: number): string => formats.count.format(n);

export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${count(n)} ${n === 1 ? one : many}`;

type Time = string | number;

/** With the year unless it is this one. */
export function dayAndTime(at: Time): string {
  const time = new Date(at);
  const isThisYear = time.getFullYear() === new Date().getFullYear();
  return (isThisYear ? formats.day : formats.yearAndTime).format(time);
}

const isToday = (at: Time): boolean => new Date(at).toDateString() === new Date().toDateString();

/** With the day unless that is today. */
export const timeOfDay = (at: Time): string =>
  isToday(at) ? formats.time.format(new Date(at)) : dayAndTime(at);
/** To the second, with the day unless that is today. */
export const clockTime = (at: Time): string =>
  (isToday(at) ? formats.clock : formats.dayClock).format(new Date(at));
/** For an axis, whose times are of one hour. */
export const hourAndMinute = (at: Time): string => formats.time.format(new Date(at));

/**
 * A name within a sentence, for texts that can have no `<bdi>`: without the isolates (UAX 9) a name
 * that is read from right to left takes the numbers beside it along.
 */
export const isolated = (name: string): string => `\u2068${name}\u2069`;

/** `2 × Tides, 1 × Comet runner`. */
export const linesText = (lines: readonly { quantity: number; name: string }[]): string =>
  lines.map(({ quantity, name }) => `${count(quantity)} × ${isolated(name)}`).join(", ");

const two = (n: number): string => `${n}`.padStart(2, "0");

/** `2 d 03:04:05`, `3:04:05` or `04:05`; never below 0. */
export function countdown(left_ms: number): string {
  const seconds = Math.max(0, Math.ceil(left_ms / 1_000));
  const [d, h, m, s] = [
    Math.floor(seconds / 86_400),
    Math.floor(seconds / 3_600) % 24,
    Math.floor(seconds / 60) % 60,
    seconds % 60,
  ];
  if (d > 0) return `${d} d ${two(h)}:${two(m)}:${two(s)}`;
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${two(m)}:${two(s)}`;
}

/** `85 ms`, `1.4 s`, `3 min`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  return `${Math.round(ms / 60_000)} min`;
}

/** The end of an order's id, because ids of the same time have the same start. */
export const shortId = (id: string): string => id.slice(-8);
