import { START_MS } from "../kernel/kernel.ts";
import type { System } from "../system.ts";
import type { Heard } from "../workload/http-client.ts";
import type { CartLine, ItemPlan } from "../workload/steps.ts";
import type { OrderView } from "./shown.ts";

/** Whether the door was right to refuse an order, and to let one in. */

/**
 * The gate trusts a level for 90 s, and for half as long as nothing has changed; requests, memory and
 * clocks add a little. What had been so until then cannot have been so for longer than the run.
 */
const GATE_LAG_MS = 95_000;
const lagAfter_ms = (ended_ms: number): number => GATE_LAG_MS + (ended_ms - START_MS) / 2;
/** With no faults, levels follow within two seconds; the simulated network is slower than that. */
const QUIET_LAG_MS = 8_000;

type Items = ReadonlyMap<string, ItemPlan>;

/** Of an order refused for its stock: at some moment within the gate's lag there was too little. */
export function checkGated(
  { report, items, vars, isQuiet }: System,
  { body, sent_ms, heard_ms }: Heard,
  where: string,
): void {
  const { shortages = [] } = body as { shortages?: { sku: string; requested: number }[] };
  const lag_ms = isQuiet ? () => QUIET_LAG_MS : lagAfter_ms;
  const isOn = vars.SOLD_OUT_GATE === "on" && shortages.length > 0;
  report.check(isOn, 3, () => `${where} at the door`);
  for (const { sku, requested } of shortages) {
    const wasShort = items.item(sku).wasShort(requested, sent_ms, heard_ms, lag_ms);
    report.check(wasShort, 3, () => `${where}: ${requested} of ${sku} were there all the time`);
  }
}

/** Of an order refused because an item is paused: it was, and nobody had heard of its resumption. */
export function checkPaused(
  { report, items, isQuiet }: System,
  { body, sent_ms, heard_ms }: Heard,
  where: string,
): void {
  const { shortages = [] } = body as { shortages?: { sku: string; reason: string }[] };
  const paused = shortages.filter(({ reason }) => reason === "paused");
  report.check(paused.length > 0, 18, () => `${where} names no paused item`);
  const lag_ms = isQuiet ? () => QUIET_LAG_MS : lagAfter_ms;
  for (const { sku } of paused) {
    const item = items.item(sku);
    const wasPaused = item.wasPaused(sent_ms, heard_ms, lag_ms);
    report.check(wasPaused, 18, () => `${where}: ${sku} was not paused`);
    const { promised } = item.pauses;
    const isResumed = promised?.is === "resume" && promised.since_ms < sent_ms;
    report.check(!isResumed, 18, () => `${where}: ${sku} was resumed at ${promised?.since_ms}`);
  }
}

function windowOf(items: Items, sku: string): { start_ms: number; end_ms: number } {
  const { saleStartsAt_ms = null, saleEndsAt_ms = null } = items.get(sku) ?? {};
  return { start_ms: saleStartsAt_ms ?? -Infinity, end_ms: saleEndsAt_ms ?? Infinity };
}

/** Placed while all its items were on sale. */
export function wasOpen(items: Items, { lines, placedAt }: OrderView): boolean {
  const at_ms = Date.parse(placedAt);
  return lines.every(({ sku }) => {
    const { start_ms, end_ms } = windowOf(items, sku);
    return start_ms <= at_ms && at_ms < end_ms;
  });
}

/** At some moment of the call one of its items was not on sale. */
export function wasClosed(
  items: Items,
  { sent_ms, heard_ms }: Heard,
  lines: readonly CartLine[],
): boolean {
  return lines.some(({ sku }) => {
    const { start_ms, end_ms } = windowOf(items, sku);
    return start_ms > sent_ms || end_ms <= heard_ms;
  });
}
