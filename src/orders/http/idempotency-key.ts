import * as v from "valibot";

const MAX_CHARS = 255;

/**
 * Either bare visible ASCII that does not begin with a quote, or a Structured Field string (RFC
 * 9651, 3.3.3) of visible ASCII.
 */
const KEY = /^(?:[!#-~][!-~]*|"(?:[!#-[\]-~]|\\["\\])+")$/;

/**
 * The header `Idempotency-Key`, bare or as a quoted string
 * (draft-ietf-httpapi-idempotency-key-header). Both forms name the same key.
 *
 * Only visible ASCII is accepted, because the runtime decodes header values as UTF-8 and replaces
 * each invalid byte by U+FFFD (workerd #6927). Two keys that differ in such a byte would become one
 * key, and the second buyer would get the first buyer's order. A header that is sent twice arrives
 * joined by ", " and is rejected for its space.
 */
export const IdempotencyKeySchema = v.pipe(
  v.string(),
  v.regex(
    KEY,
    `must be 1 to ${MAX_CHARS} characters of visible ASCII (0x21 to 0x7E), bare or as a quoted string, and sent once`,
  ),
  v.transform(unquoted),
  v.maxLength(MAX_CHARS, `must have at most ${MAX_CHARS} characters`),
);

function unquoted(text: string): string {
  return text.startsWith('"') ? text.slice(1, -1).replace(/\\(["\\])/g, "$1") : text;
}
