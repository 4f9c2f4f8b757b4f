import type { VersionedLevel } from "../../contract/stock-events.ts";
import type { ItemState } from "./store.ts";

/** The item's level as others see it. */
export function levelOf(state: ItemState, now_ms: number): VersionedLevel {
  const { sku, received, available, held, sold, levelVersion, breaches } = state;
  const at = new Date(now_ms).toISOString();
  return { level: { sku, received, available, held, sold }, levelVersion, breaches, at };
}
