import * as v from "valibot";
import { wellFormed } from "./text.ts";

/**
 * A customer: the `sub` of a token, or what a service names. It names a Durable Object, and is
 * indexed, so its length has a limit.
 */
export const CustomerIdSchema = v.pipe(
  v.string(),
  v.minLength(1, "must have at least 1 character"),
  v.maxLength(255, "must have at most 255 characters"),
  wellFormed, // else two of them would be one in the database
);
