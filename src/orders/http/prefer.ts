import type { Context } from "hono";

/** Longest wait for an outcome; a longer one is clamped. */
export const MAX_WAIT_SECONDS = 10;

/** A longer header is ignored, as a malformed one is. */
const MAX_HEADER_CHARS = 1_000;

export interface Preference {
  /** 0: answer at once. */
  wait_ms: number;
  /** The value of `Preference-Applied`; null when no preference was applied. */
  applied: string | null;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const QUOTED = '"(?:[^"\\\\]|\\\\.)*"';
const WORD = `(?:${TOKEN}|${QUOTED})`;
const PARAMETER = `${TOKEN}(?:\\s*=\\s*${WORD})?`;
/** Each space matches in one way only: a header of many `; ` would backtrack exponentially. */
const PREFERENCE = new RegExp(
  `^\\s*(${TOKEN})(?:\\s*=\\s*(${WORD}))?(?:\\s*;(?:\\s*${PARAMETER})?)*\\s*$`,
);
/** Splits at commas outside quoted strings. An unclosed quote makes the rest one malformed part. */
const PARTS = /(?:[^,"]|"(?:[^"\\]|\\.)*"|".*$)+/g;

/**
 * Parses the header `Prefer` (RFC 7240): `wait` and `respond-async`. As the RFC says, the first of
 * several equal preferences counts, and malformed ones are ignored.
 */
export function parsePrefer(header: string | undefined): Preference {
  const preferences = new Map<string, string>();
  const isReadable = header !== undefined && header.length <= MAX_HEADER_CHARS;
  for (const part of (isReadable && header.match(PARTS)) || []) {
    const [, name, value = ""] = PREFERENCE.exec(part) ?? [];
    if (name === undefined || preferences.has(name.toLowerCase())) continue;
    preferences.set(name.toLowerCase(), value.replace(/^"(.*)"$/, "$1"));
  }
  const wait = preferences.get("wait") ?? "";
  if (/^\d+$/.test(wait) && Number(wait) > 0) {
    const seconds = Math.min(Number(wait), MAX_WAIT_SECONDS);
    return { wait_ms: seconds * 1_000, applied: `wait=${seconds}` };
  }
  return { wait_ms: 0, applied: preferences.has("respond-async") ? "respond-async" : null };
}

/** Reads `Prefer` and sets `Preference-Applied`, which error responses carry too. */
export function applyPreference(c: Context): Preference {
  const preference = parsePrefer(c.req.header("Prefer"));
  if (preference.applied !== null) c.header("Preference-Applied", preference.applied);
  return preference;
}
