import * as v from "valibot";

const TIME =
  /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[Tt](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/**
 * A time as clients write it: RFC 3339's `date-time`, which is ISO 8601 with date, time and zone.
 * `t` and `z` may be small, an offset is at most ±23:59, and `-00:00` is UTC. Stricter than the RFC
 * in two points: a second of 60 is refused (milliseconds since 1970 have no leap seconds), and a
 * fraction has at most 9 digits, of which 3 are kept. The year has to be 0000 to 9999 in UTC too,
 * because the answers are written in UTC. The output is that form: `2026-12-01T18:00:00.000Z`.
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

/** `Date` makes 2 March of 30 February. */
function isDay(text: string): boolean {
  const [year = 0, month = 0, day = 0] = text.slice(0, 10).split("-").map(Number);
  return !(day > daysIn(year, month)); // what is no date at all has its error already
}

/** Leap years repeat every 400 years, and `Date.UTC` takes years below 100 for those of 1900. */
const daysIn = (year: number, month: number): number =>
  new Date(Date.UTC(2000 + (year % 400), month, 0)).getUTCDate();

const isFourDigits = (year: number): boolean => year >= 0 && year <= 9_999;
