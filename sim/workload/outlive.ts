import type { System } from "../system.ts";
import type { Buyer } from "./buyer.ts";
import { isAnswered } from "./http-client.ts";
import type { Operator } from "./operator.ts";

/**
 * The end of some runs: a day and more goes by, housekeeping runs a bounded number of times, and old
 * keys are used again while it does. No call may be 503, and no sold lock of a pruned order may count
 * as an orphan.
 */

const HOUR_MS = 3_600_000;
/** Longer than the retention of keys and orders that such a run has. */
const AWAY_MS = 26 * HOUR_MS;
const ROUND_MS = 3_000;
const MAX_ROUNDS = 400;
/** For all calls of a buyer, and for the comparison with its pauses. */
const CALLS_MS = 400_000;

export async function outlive(
  system: System,
  buyers: readonly Buyer[],
  operator: Operator,
  isOver: () => boolean,
): Promise<void> {
  const { kernel, report } = system;
  system.isCronOff = true;
  kernel.note("days go by");
  for (const { feed } of buyers) feed.close();
  await kernel.runUntil(kernel.now_ms + AWAY_MS, isOver);
  const during = async (work: () => Promise<unknown>): Promise<void> => {
    let isDone = false;
    kernel.after(0, "", () => void work().then(() => (isDone = true)));
    const end_ms = kernel.now_ms + CALLS_MS;
    await kernel.runUntil(end_ms, () => isOver() || isDone);
    if (!isOver()) report.check(isDone, 7, () => "calls after days got no answer");
  };
  const repeat = () => during(() => Promise.all(buyers.map((buyer) => repeatKeys(system, buyer))));
  const before_ms = kernel.now_ms;
  for (let round = 0; round < MAX_ROUNDS && !isOver() && isAnyLeft(system, before_ms); round++) {
    // In the midst of it too, when some orders are gone and their keys are not.
    if (round === 2) await repeat();
    kernel.after(0, "", () => system.cron());
    await kernel.runUntil(kernel.now_ms + ROUND_MS, isOver);
  }
  if (isOver()) return;
  report.check(!isAnyLeft(system, before_ms), 13, () => "housekeeping leaves what is old");
  await repeat();
  await during(async () => {
    const differences = await operator.compare(false, 3);
    report.check(
      differences?.length === 0,
      2,
      () => `after days reconcile finds ${JSON.stringify(differences)}`,
    );
  });
}

/**
 * Uses every key again, twice. One that was pruned, or whose order was, is free: whatever comes of it
 * is a new order or a refusal at the door, and the second time the same. Any other has its order.
 */
async function repeatKeys({ report, d1 }: System, buyer: Buyer): Promise<void> {
  for (const { key, lines, id } of buyer.bound) {
    const { rows } = d1.engine.run(
      `SELECT 1 FROM idempotency_keys AS k JOIN orders AS o ON o.id = k.order_id
       WHERE k.customer_id = ? AND k.key = ?`,
      [buyer.name, key],
    );
    const isFree = rows.length === 0;
    let before = id;
    for (let time = 0; time < 2; time++) {
      const heard = await buyer.http.send({
        method: "POST",
        path: "/v1/orders",
        body: { lines },
        headers: { "Idempotency-Key": key },
      });
      const [order] = heard?.orders ?? [];
      const isFresh = isFree && time === 0;
      const isRight = isFresh
        ? order?.id !== id && heard?.code !== "idempotency_key_reused"
        : !order || order.id === before;
      const isAnswer = isAnswered(heard) && (isFree || order !== undefined);
      const where = `${buyer.name} repeats ${key} of ${id} after days`;
      const what = `${heard?.status ?? "no answer"} ${order?.id ?? heard?.code ?? ""}`;
      report.check(isAnswer && isRight, 8, () => `${where} → ${what}`);
      if (!order || !heard) break;
      before = order.id;
      buyer.rebind(key, order.id, heard.heard_ms);
    }
  }
}

/** Whether an order may go, or a key is older than its retention, as of that moment. */
function isAnyLeft({ d1 }: System, at_ms: number): boolean {
  const { rows } = d1.engine.run(
    `SELECT 1 FROM orders WHERE placed_at < ?1 AND status IN ('paid', 'cancelled') AND awaits IS NULL
     UNION ALL SELECT 1 FROM idempotency_keys WHERE created_at < ?1 LIMIT 1`,
    [at_ms - 24 * HOUR_MS],
  );
  return rows.length > 0;
}
