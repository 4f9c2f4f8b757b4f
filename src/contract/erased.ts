/** What the name begins with that takes an erased customer's place. */
export const ERASED_PREFIX = "erased_";
