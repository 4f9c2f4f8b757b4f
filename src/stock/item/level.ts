import type { ReadLevel } from "../../contract/stock-api.ts";
import type { VersionedLevel } from "../../contract/stock-events.ts";
import type { ItemState } from "./store.ts";

/** The item's level as others see it. */
export function levelOf(state: ItemState, now_ms: number): VersionedLevel {
  const { sku, received, available, held, sold, isPaused: paused } = state;
  const { levelVersion, breaches, incarnation } = state;
  const level = { sku, received, available, held, sold };
  return { level, levelVersion, breaches, at: new Date(now_ms).toISOString(), paused, incarnation };
}

/** With who paused or resumed the item, which is for operators only. */
export function readLevelOf(state: ItemState, now_ms: number): ReadLevel {
  const { pauseChange } = state;
  const shown = pauseChange && {
    at: new Date(pauseChange.at_ms).toISOString(),
    actor: pauseChange.actor,
  };
  return { ...levelOf(state, now_ms), pauseChange: shown };
}
