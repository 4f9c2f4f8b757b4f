import * as v from "valibot";

const TIME =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[Tt](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/**
 * Parses RFC 3339's `date-time` (ISO 8601 with date, time and zone) into UTC with milliseconds:
 * `2026-12-01T18:00:00.000Z`. `t` and `z` may be lower case, an offset is at most ±23:59, and
 * `-00:00` means UTC. Two rules are stricter than the RFC: second 60 is rejected, since
 * milliseconds since 1970 have no leap seconds, and a fraction has at most 9 digits, of which 3 are
 * kept. The year has to be 0000 to 9999 in UTC too, because responses are in UTC.
 */
export const TimeSchema = v.pipe(
  v.string(),
  v.regex(TIME, "must be a time with date, seconds and zone (RFC 3339): 2026-12-01T18:00:00Z"),
  v.metadata({ format: "date-time" }), // for the API's description
  v.check(isDay, "names a day that does not exist"),
  v.transform((text) => new Date(text.toUpperCase())),
  v.check((time) => isFourDigits(time.getUTCFullYear()), "is before year 0 or after 9999 in UTC"),
  v.transform((time) => time.toISOString()),
);

/** Whether the day exists: `Date` would read 30 February as 2 March. */
function isDay(text: string): boolean {
  const [year = 0, month = 0, day = 0] = text.slice(0, 10).split("-").map(Number);
  return !(day > daysIn(year, month)); // true for NaN, which the pattern has already reported
}

/** `Date.UTC` reads years below 100 as 19xx, hence the shift: leap years repeat every 400 years. */
const daysIn = (year: number, month: number): number =>
  new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();

const isFourDigits = (year: number): boolean => year >= 0 && year <= 9_999;
