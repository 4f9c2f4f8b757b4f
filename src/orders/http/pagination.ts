import * as v from "valibot";
import { invalid } from "./problem.ts";

/** Lists: `?limit=&cursor=`. A cursor is opaque to clients: the base64url of where the page ended. */

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;

export const pageQuery = {
  limit: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d{1,3}$/, `must be a whole number from 1 to ${MAX_LIMIT}`),
      v.transform(Number),
      v.number(), // what follows is said of the number: in the contract too
      v.integer(),
      v.minValue(1, "must be at least 1"),
      v.maxValue(MAX_LIMIT, `must be at most ${MAX_LIMIT}`),
    ),
    `${DEFAULT_LIMIT}`,
  ),
  cursor: v.optional(v.pipe(v.string(), v.maxLength(1_000))),
};

export function encodeCursor(place: string): string {
  const bytes = new TextEncoder().encode(place);
  return btoa(String.fromCharCode(...bytes)).replace(/[+/=]/g, (c) => CURSOR_CHARS[c] ?? "");
}
const CURSOR_CHARS: Record<string, string> = { "+": "-", "/": "_" };

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The place a cursor stands for, checked by `schema`; null without a cursor. Throws when bad. */
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

/** A page is full when it has one more than was asked for; that one is not shown. */
export function paginate<T>(
  found: readonly T[],
  limit: number,
  placeAt: (last: T) => string,
): { shown: T[]; nextCursor: string | null } {
  const shown = found.slice(0, limit);
  const last = shown.at(-1);
  const nextCursor =
    found.length > limit && last !== undefined ? encodeCursor(placeAt(last)) : null;
  return { shown, nextCursor };
}
