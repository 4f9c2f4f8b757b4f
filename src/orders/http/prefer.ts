/** The header `Prefer` (RFC 7240), as far as it is understood here. */

/** Seconds a call waits for an outcome at most. */
export const MAX_WAIT_SECONDS = 10;

/** A longer header is ignored like a malformed one. */
const MAX_HEADER_CHARS = 1_000;

export interface Preference {
  /** 0: not at all. */
  wait_ms: number;
  /** The value of `Preference-Applied`; null when no preference was applied. */
  applied: string | null;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const QUOTED = '"(?:[^"\\\\]|\\\\.)*"';
const WORD = `(?:${TOKEN}|${QUOTED})`;
const PARAMETER = `${TOKEN}(?:\\s*=\\s*${WORD})?`;
/** Each space can be matched in one way only: else a header of many `; ` would take for ever. */
const PREFERENCE = new RegExp(
  `^\\s*(${TOKEN})(?:\\s*=\\s*(${WORD}))?(?:\\s*;(?:\\s*${PARAMETER})?)*\\s*$`,
);
/** A comma inside a quoted string separates nothing; a quote that is not closed spoils the rest. */
const PARTS = /(?:[^,"]|"(?:[^"\\]|\\.)*"|".*$)+/g;

/** The first of equal preferences counts, and a malformed one is ignored, as the RFC says. */
export function preferenceOf(header: string | undefined): Preference {
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
