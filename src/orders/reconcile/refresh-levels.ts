import { MAX_SKUS_PER_LEVELS_CALL } from "../../contract/limits.ts";
import type { VersionedLevel } from "../../contract/stock-events.ts";
import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { policyOf } from "../config/policy.ts";
import { type DueLevel, dueLevels } from "../items/due-levels.sql.ts";
import { confirmLevels, storeLevels } from "../items/items.sql.ts";
import { MINUTE_MS, nextTrust_ms } from "../items/level-trust.ts";
import { isForked } from "../items/put-back.sql.ts";
import { saveRoundLength } from "./level-round.sql.ts";
import { lengthOf_ms, type LevelRound, NO_ROUND, roundAfter } from "./level-round.ts";

/** Items asked in a minute, in calls of `MAX_SKUS_PER_LEVELS_CALL`. */
const MAX_ASKS = 1_000;
/** Of these, items that refuse orders. They come first; the others always get the rest. */
const MAX_REFUSING_ASKS = 900;
/** Items looked at in a minute, of each kind: D1 reads them in some milliseconds. */
const MAX_ROWS = 10_000;
const LEVELS_TIMEOUT_MS = 12_000;
/** The cron may come so much later, and the answers with it. */
const LATE_MS = 10_000;

/** Where rereading goes on. */
export interface LevelCursors {
  refusing: LevelRound;
  /** Of the others: the last SKU that was looked at; '' at the start. */
  others: string;
}

export const NO_LEVEL_CURSORS: LevelCursors = { refusing: NO_ROUND, others: "" };

/**
 * Asks items for their levels before they are no longer trusted: first those that refuse orders, then
 * the others. This heals a level that was lost, and confirms a level that does not change, so that the sold-out
 * gate goes on trusting it. Tells `heard` whether the stock Worker answered. Returns where to go on.
 */
export async function refreshLevels(
  env: OrdersEnv,
  cursors: LevelCursors,
  heard: (isAnswered: boolean) => void = () => undefined,
): Promise<LevelCursors> {
  const now_ms = Date.now();
  const refusing = await dueLevels(env.DB, {
    isRefusing: true,
    after: cursors.refusing.after,
    // What is left out now is asked a round later.
    before_ms: now_ms + lengthOf_ms(cursors.refusing, now_ms) + LATE_MS,
    rows: MAX_ROWS,
    asks: MAX_REFUSING_ASKS,
  });
  const round = roundAfter(cursors.refusing, refusing, now_ms);
  const left_minutes = Math.ceil(refusing.left / MAX_REFUSING_ASKS);
  await saveRoundLength(env.DB, lengthOf_ms(round, now_ms, left_minutes));
  const others = await dueLevels(env.DB, {
    isRefusing: false,
    after: cursors.others,
    before_ms: now_ms + MINUTE_MS + LATE_MS,
    rows: MAX_ROWS,
    asks: MAX_ASKS - refusing.due.length,
  });
  const due = [...refusing.due, ...others.due];
  // Nobody is asked in a quiet minute, and whether the stock Worker is there has to be known.
  if (due.length === 0 && refusing.seen + others.seen > 0) await isThere(env, heard);
  const size = Math.max(round.size, round.met);
  for (let i = 0; i < due.length; i += MAX_SKUS_PER_LEVELS_CALL) {
    await askAndStore(env, due.slice(i, i + MAX_SKUS_PER_LEVELS_CALL), size, heard);
  }
  return { refusing: round, others: others.next };
}

/** An item that does not answer stays due. It is asked again when the round comes back to it. */
async function askAndStore(
  env: OrdersEnv,
  due: readonly DueLevel[],
  refusing: number,
  heard: (isAnswered: boolean) => void,
): Promise<void> {
  try {
    const levels = await readLevels(
      env,
      due.map(({ sku }) => sku),
      heard,
    );
    const known = new Map(due.map((one) => [one.sku, one]));
    const isSame = (told: VersionedLevel): boolean => {
      const before = known.get(told.level.sku);
      const { levelVersion, breaches } = told;
      if (before?.levelVersion !== levelVersion || before.breaches !== breaches) return false;
      return !isForked(told, before);
    };
    const changed = levels.filter((level) => !isSame(level));
    const confirmed = levels.filter(isSame).map(({ level: { sku }, levelVersion, at }) => {
      const { toldAt_ms, ...told } = known.get(sku) as DueLevel;
      const unchangedFor_ms = toldAt_ms === null ? 0 : Date.parse(at) - toldAt_ms;
      const trust_ms = nextTrust_ms({ ...told, unchangedFor_ms }, refusing);
      return { sku, levelVersion, at, trust_ms };
    });
    if (changed.length > 0) await storeLevels(env.DB, policyOf(env), changed, Date.now());
    await confirmLevels(env.DB, confirmed, Date.now());
  } catch (error) {
    log("warn", "levels.read_failed", { items: due.length, error: errorText(error) });
  }
}

async function isThere(env: OrdersEnv, heard: (isAnswered: boolean) => void): Promise<void> {
  await readLevels(env, [], heard).catch((error: unknown) => {
    log("warn", "levels.read_failed", { items: 0, error: errorText(error) });
  });
}

async function readLevels(env: OrdersEnv, skus: string[], heard: (isAnswered: boolean) => void) {
  try {
    const levels = await withTimeout(LEVELS_TIMEOUT_MS, () => env.STOCK.levels(skus), "levels");
    heard(true);
    return levels;
  } catch (error) {
    heard(false);
    throw error;
  }
}
