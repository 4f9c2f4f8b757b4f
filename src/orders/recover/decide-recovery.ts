import type { Origin } from "../../contract/order-events.ts";
import type { StoredDecision } from "../../contract/stock-api.ts";
import { type Shortage, shortageFrom } from "../../contract/stock-events.ts";
import { type Reason, refusalReason, type Status } from "../order/order.ts";

/** What an order has to become, by what its items have decided for it. No I/O. */

/** What is to be done with an order. `left`: reconcile goes on with it as it is. */
export type Recovery =
  | { type: "left" }
  | { type: "confirm" }
  | { type: "pay" }
  | { type: "cancel"; reason: Reason; shortages: Shortage[] };

/** By SKU of the order's lines; a SKU whose item knows nothing of the order is missing. */
export type Decisions = ReadonlyMap<string, StoredDecision>;

/**
 * A buyer was told of a confirmed order only when every item held its units, and of a paid one before
 * any item sold them. So units that are sold say paid, units that are all held say confirmed, and a
 * refusal or a release says that it ended. Anything else was not decided, and reconcile decides it.
 * `before`: the status in the restored database; null: it does not know the order.
 */
export function decideRecovery(
  before: Status | null,
  skus: readonly string[],
  decisions: Decisions,
): Recovery {
  if (before === "paid" || before === "cancelled") return { type: "left" };
  const found = skus.map((sku) => decisions.get(sku));
  if (found.some((one) => one?.state === "sold")) return { type: "pay" };
  const ended = found.filter((one) => one?.state === "refused" || one?.state === "released");
  if (ended.length > 0) return cancellation(skus, decisions);
  const isHeld = found.every((one) => one?.state === "held");
  return isHeld && before !== "confirmed" ? { type: "confirm" } : { type: "left" };
}

function cancellation(skus: readonly string[], decisions: Decisions): Recovery {
  const shortages = skus.flatMap((sku) => {
    const shortage = decisions.get(sku)?.shortage;
    return shortage ? [shortageFrom({ sku, ...shortage })] : [];
  });
  // Who released it, the buyer or a deadline, is not known any more.
  const reason = shortages.length > 0 ? refusalReason(shortages) : "not_recorded";
  return { type: "cancel", reason, shortages };
}

export const totalOf = ({ lines }: Origin): number =>
  lines.reduce((sum, { price, quantity }) => sum + price * quantity, 0);
