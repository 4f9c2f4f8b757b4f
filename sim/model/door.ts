import type { System } from "../system.ts";
import type { Heard } from "../workload/http-client.ts";
import type { CartLine, ItemPlan } from "../workload/steps.ts";
import type { OrderView } from "./shown.ts";

/** Whether the door was right to refuse an order, and to let one in. */

/** The gate trusts a level for 90 s; requests, memory and clocks add a little. */
const GATE_LAG_MS = 95_000;
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
  const lag_ms = isQuiet ? QUIET_LAG_MS : GATE_LAG_MS;
  const isOn = vars.SOLD_OUT_GATE === "on" && shortages.length > 0;
  report.check(isOn, 3, () => `${where} at the door`);
  for (const { sku, requested } of shortages) {
    const wasShort = items.item(sku).wasShort(requested, sent_ms - lag_ms, heard_ms);
    report.check(wasShort, 3, () => `${where}: ${requested} of ${sku} were there all the time`);
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
