import { type AdjustResult, MAX_AFFECTED, type StockChange } from "../../contract/stock-api.ts";
import { levelOf } from "./level.ts";
import { isSameChange, type StoredChange } from "./requests.ts";
import { adjust, count, type Counters } from "./rules.ts";
import type { ItemState, ItemStore } from "./store.ts";

/** What a change comes to. */
type Judged =
  | { counters: Counters; delta: number }
  | { code: "insufficient_available" | "stock_changed"; affected?: string[] };

/**
 * Receives, takes away or counts units. The first answer for an operation id is stored, also a
 * refusal, and repeated. To be called in a transaction.
 */
export function changeStock(
  store: ItemStore,
  sku: string,
  change: StockChange,
  now_ms: number,
): AdjustResult {
  const { operationId, reason, actor = null } = change;
  const { id, done } = findStored(store, change);
  if (done) {
    if (!isSameChange(done, change)) return { ok: false, code: "operation_reused" };
    return { ...done.result, isReplay: true };
  }
  const before = store.state(sku);
  const judged = judge(store, before, change);
  if ("code" in judged) {
    const { level } = levelOf(before, now_ms);
    // Saves the item's name, so that an item that has only ever refused is pruned as well.
    store.save(before);
    const delta = "delta" in change ? change.delta : 0;
    const result = { ok: false, ...judged, level } as const;
    return store.requests.storeChange(change, { id, delta, result }, now_ms);
  }
  const { counters, delta } = judged;
  if (delta === 0) {
    store.save(before);
    const result = { ok: true, ...levelOf(before, now_ms) } as const;
    return store.requests.storeChange(change, { id, delta, result }, now_ms);
  }
  const after = { ...before, ...counters, levelVersion: before.levelVersion + 1 };
  const kind = delta > 0 ? "receive" : "adjust";
  const asked = { orderId: null, operationId, reason, actor };
  store.ledger.append([{ kind, quantity: delta, ...asked, balance: counters }], now_ms);
  store.save(after);
  const result = { ok: true, ...levelOf(after, now_ms) } as const;
  return store.requests.storeChange(change, { id, delta, result }, now_ms);
}

/**
 * The stored change that `change` repeats, if any, and the id to store it under: a key belongs to its
 * caller, so it may be another's who was here first. That one keeps the row with the bare key, which
 * is the one that an earlier version looks for. A space is in no key, so no client can name the other.
 */
function findStored(
  store: ItemStore,
  { operationId, actor }: StockChange,
): { id: string; done: StoredChange | undefined } {
  const first = store.requests.change(operationId);
  // An earlier version stored no caller. Its ledger knows whose units these are.
  const by = first && (first.by ?? store.ledger.actorOf(operationId)?.sub);
  if (actor === undefined || (first && (by ?? actor.sub) === actor.sub)) {
    return { id: operationId, done: first };
  }
  const own = `one ${actor.sub} ${operationId}`;
  // Also when the bare key is free again: the first row is pruned before the second.
  const done = store.requests.change(own);
  return { id: done || first ? own : operationId, done };
}

function judge(store: ItemStore, before: ItemState, change: StockChange): Judged {
  if ("delta" in change) {
    const counters = adjust(before, change.delta);
    return counters ? { counters, delta: change.delta } : { code: "insufficient_available" };
  }
  const counted = count(before, change);
  switch (counted.type) {
    case "counted":
      return counted;
    case "stock_changed":
      return { code: "stock_changed" };
    case "below_held":
      return { code: "insufficient_available", affected: store.heldBy(MAX_AFFECTED) };
  }
}
