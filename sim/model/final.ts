import type { System } from "../system.ts";
import type { Buyer } from "../workload/buyer.ts";
import type { Operator } from "../workload/operator.ts";
import type { Reader } from "../workload/reader.ts";
import { shownStatus } from "./orders.ts";

/** What has to hold when the faults are over and everything has had its time. */

/** 30 s first due, 60 s cap of the backoff, 60 s cron. */
const SETTLE_MS = 150_000;

/** Nobody has waited longer than that since the faults stopped. */
export function checkLiveness({ orders, kernel, report }: System): void {
  const now_ms = kernel.now_ms;
  for (const { id, status, awaits, owedSince_ms, payBy_ms } of orders.orders.values()) {
    const since_ms =
      owedSince_ms ?? (status === "confirmed" && payBy_ms !== null ? payBy_ms : null);
    if (since_ms === null) continue;
    const waited_ms = now_ms - Math.max(since_ms, kernel.heal_ms);
    report.check(
      waited_ms <= SETTLE_MS,
      7,
      () =>
        `${id} is ${status} and has awaited ${awaits ?? "its end"} for ${Math.round(waited_ms / 1_000)} s`,
    );
  }
  for (const { id, dueAt_ms, recorded_ms } of orders.money.returns.values()) {
    const waited_ms = now_ms - Math.max(recorded_ms, kernel.heal_ms);
    const isInTime = dueAt_ms === null || waited_ms <= SETTLE_MS;
    report.check(isInTime, 7, () => `return ${id} waits for ${Math.round(waited_ms / 1_000)} s`);
  }
}

interface Parties {
  buyers: readonly Buyer[];
  operator: Operator;
  reader: Reader;
}

export async function checkEnd(
  system: System,
  { buyers, operator, reader }: Parties,
): Promise<void> {
  checkLiveness(system);
  checkUnits(system);
  checkReadModel(system);
  checkViews(system, buyers);
  for (const { settings, open } of system.queues.values()) {
    system.report.check(open === 0, 7, () => `${open} messages are left in ${settings.name}`);
  }
  await checkLists(system, buyers);
  await checkOperations(system, operator);
  await reader.finish();
}

/** Units of confirmed and paid orders are what the items hold, and nothing else is held. */
function checkUnits({ orders, items, report }: System): void {
  for (const item of items.items.values()) {
    const sums: Record<string, number> = { held: 0, sold: 0 };
    for (const order of orders.orders.values()) {
      const key = order.status === "confirmed" ? "held" : order.status === "paid" ? "sold" : null;
      const line = order.lines.find(({ sku }) => sku === item.sku);
      const units = (line?.quantity ?? 0) - (order.returned[item.sku] ?? 0);
      if (key) sums[key] = (sums[key] ?? 0) + units;
    }
    const { held, sold } = item.counters;
    report.check(
      held === sums.held && sold === sums.sold,
      2,
      () =>
        `${item.sku} holds ${held} and sold ${sold}; the orders say ${sums.held} and ${sums.sold}`,
    );
  }
}

function checkReadModel({ d1, items, report }: System): void {
  const { rows } = d1.engine.run("SELECT * FROM items", []);
  for (const row of rows) {
    const item = items.item(String(row.sku));
    report.check(row.put_back_at === null, 19, () => `${item.sku} is said to have gone back`);
    const isSame = (["received", "available", "held", "sold"] as const).every(
      (key) => row[key] === item.counters[key],
    );
    report.check(
      isSame && row.level_version === item.version && Number(row.paused) === Number(item.isPaused),
      10,
      () =>
        `${item.sku} in D1 is ${JSON.stringify(row)}, at the item ${JSON.stringify(item.counters)} version ${item.version}, paused ${item.isPaused}`,
    );
  }
}

/** Every page that is still open knows how each of its orders ended. */
function checkViews({ orders, report }: System, buyers: readonly Buyer[]): void {
  for (const { name, feed } of buyers) {
    if (!feed.isOpen) continue;
    for (const { id, customerId, revision, status } of orders.orders.values()) {
      if (customerId !== name) continue;
      const seen = feed.view.get(id);
      report.check(
        seen?.revision === revision,
        9,
        () => `${name} sees ${id} as ${seen?.status ?? "nothing"}, and it is ${status}`,
      );
    }
  }
}

/** No 2xx is lost, and no key or click has made more orders than it should. */
async function checkLists({ orders, report }: System, buyers: readonly Buyer[]): Promise<void> {
  for (const buyer of buyers) {
    const listed = await buyer.list(3);
    const ids = new Set(listed?.map(({ id }) => id));
    const isNewestFirst = listed?.every(({ id }, i) => i === 0 || id < (listed[i - 1]?.id ?? ""));
    report.check(isNewestFirst ?? false, 8, () => `the list of ${buyer.name} is out of order`);
    report.check(listed !== null, 8, () => `${buyer.name} cannot list its orders`);
    for (const id of buyer.known) {
      report.check(ids.has(id), 8, () => `${buyer.name} was promised ${id}, and it is not there`);
    }
    const own = [...orders.orders.values()].filter(({ customerId }) => customerId === buyer.name);
    const asked = own.filter(({ successorOf }) => successorOf === null);
    report.check(
      asked.length <= buyer.keys + buyer.keyless,
      8,
      () =>
        `${buyer.name} has ${asked.length} orders of ${buyer.keys} keys and ${buyer.keyless} requests without one`,
    );
    report.check(
      own.length === ids.size,
      12,
      () => `${buyer.name} is shown ${ids.size} of ${own.length} orders`,
    );
  }
}

async function checkOperations(
  { orders, report, items }: System,
  operator: Operator,
): Promise<void> {
  const differences = await operator.compare(false, 3);
  report.check(
    differences?.length === 0,
    2,
    () => `reconcile finds ${JSON.stringify(differences)}`,
  );
  const counts: Record<string, number> = {
    pending: 0,
    confirmed: 0,
    paid: 0,
    cancelled: 0,
    returned: 0,
  };
  for (const order of orders.orders.values()) {
    const status = shownStatus(order);
    counts[status] = (counts[status] ?? 0) + 1;
  }
  const shown = (await operator.read("/v1/operations", 3)) as {
    orders?: Record<string, number>;
  } | null;
  const isSame = Object.entries(counts).every(([status, n]) => shown?.orders?.[status] === n);
  report.check(
    isSame,
    10,
    () =>
      `operations counts ${JSON.stringify(shown?.orders)}, and there are ${JSON.stringify(counts)}`,
  );
  for (const item of items.items.values()) {
    const level = (await operator.read(`/v1/items/${item.sku}/stock`, 3)) as Record<
      string,
      unknown
    > | null;
    const own = Object.entries(item.counters).every(([key, n]) => level?.[key] === n);
    report.check(
      own,
      1,
      () =>
        `${item.sku} answers ${JSON.stringify(level)}, by replay ${JSON.stringify(item.counters)}`,
    );
  }
}
