import * as v from "valibot";
import { wellFormedCheck } from "./text.ts";

/**
 * A customer's id: the `sub` of a token, or the id that a service sends. Its length is limited
 * because it names a Durable Object and is indexed in D1.
 */
export const CustomerIdSchema = v.pipe(
  v.string(),
  v.minLength(1, "must have at least 1 character"),
  v.maxLength(255, "must have at most 255 characters"),
  wellFormedCheck, // D1 would store two different malformed ids as the same text
);
