import * as v from "valibot";
import { invalid } from "./problem.ts";

/** Lists take `?limit=&cursor=`. A cursor is the base64url of the page's last position. */

const DEFAULT_LIMIT = 20;
export const MAX_LIMIT = 100;

/** The query parameter `limit`. */
export const limitParameter = (max: number, fallback: number) =>
  v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d{1,3}$/, `must be a whole number from 1 to ${max}`),
      v.transform(Number),
      v.number(), // the API description shows the limits of the number, not of its text
      v.integer(),
      v.minValue(1, "must be at least 1"),
      v.maxValue(max, `must be at most ${max}`),
    ),
    `${fallback}`,
  );

export const pageQuery = {
  limit: limitParameter(MAX_LIMIT, DEFAULT_LIMIT),
  cursor: v.optional(v.pipe(v.string(), v.maxLength(1_000))),
};

/** null, at the end of a list, stays null. */
export function encodeCursor(position: string | null): string | null {
  if (position === null) return null;
  const bytes = new TextEncoder().encode(position);
  return btoa(String.fromCharCode(...bytes)).replace(/[+/=]/g, (c) => CURSOR_CHARS[c] ?? "");
}
const CURSOR_CHARS: Record<string, string> = { "+": "-", "/": "_" };

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Decodes and checks a cursor; null without one. Throws `invalid_request` for a bad cursor. */
export function decodeCursor<T>(
  cursor: string | undefined,
  schema: v.GenericSchema<unknown, T>,
): T | null {
  if (cursor === undefined) return null;
  try {
    const binary = atob(cursor.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = Uint8Array.from(binary, (c) => c.charCodeAt(0));
    return v.parse(schema, utf8.decode(bytes));
  } catch {
    throw invalid([{ path: "cursor", message: "is not a cursor of this list" }]);
  }
}

/** `found` has up to `limit + 1` entries: the extra one only shows that there is a next page. */
export function paginate<T>(
  found: readonly T[],
  limit: number,
  positionOf: (last: T) => string,
): { page: T[]; nextCursor: string | null } {
  const page = found.slice(0, limit);
  const last = page.at(-1);
  const hasNext = found.length > limit && last !== undefined;
  return { page, nextCursor: encodeCursor(hasNext ? positionOf(last) : null) };
}
