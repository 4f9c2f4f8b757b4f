import * as v from "valibot";

/**
 * The header `Idempotency-Key`: 1–255 characters, bare or as a quoted string (a Structured Field
 * string, RFC 9651; draft-ietf-httpapi-idempotency-key-header). Both forms name the same key.
 */
export const IdempotencyKeySchema = v.pipe(
  v.string(),
  v.transform((text) =>
    /^".*"$/.test(text) ? text.slice(1, -1).replace(/\\(["\\])/g, "$1") : text,
  ),
  v.minLength(1, "must have at least 1 character"),
  v.maxLength(255, "must have at most 255 characters"),
);
