/**
 * How long the sold-out gate trusts the level that an item has told. No I/O. docs/decisions.md ("The
 * levels of a large catalogue") says why this is right.
 */

/** A level that is new. The column `items.level_trust` has the same default. */
export const NEW_LEVEL_TRUST_MS = 90_000;
/** A level that has not changed is trusted for longer by this share of the time since. */
const SHARE_OF_QUIET = 0.5;
/** The longest trust in a level that lets orders in: the gate does not act on it. */
const MAX_TRUST_MS = 7 * 86_400_000;
/** The longest trust in a level by which orders are refused, */
const MAX_REFUSING_TRUST_MS = 3_600_000;
/** unless quiet items would then be asked more often than this in all. */
const QUIET_ASKS_PER_MINUTE = 80;

export const MINUTE_MS = 60_000;
/** While a round takes longer than a minute, every level is trusted for so many rounds. */
export const TRUSTED_ROUNDS = 1.5;

interface Told {
  /** How long the level was trusted until now. */
  trust_ms: number;
  /** The time since the item has told it last. */
  unchangedFor_ms: number;
  isRefusing: boolean;
}

/** Trust in a level that the item has told once more. `refusing`: the items that refuse orders. */
export function nextTrust_ms(
  { trust_ms, unchangedFor_ms, isRefusing }: Told,
  refusing: number,
): number {
  const shared_ms = Math.ceil(refusing / QUIET_ASKS_PER_MINUTE) * MINUTE_MS;
  const max_ms = isRefusing ? Math.max(MAX_REFUSING_TRUST_MS, shared_ms) : MAX_TRUST_MS;
  const longer_ms = Math.ceil(Math.max(0, unchangedFor_ms) * SHARE_OF_QUIET);
  return Math.min(max_ms, trust_ms + longer_ms);
}
