import { expect, test } from "vitest";
import { expectLedgerReplays, expectReadModelFollows, settled } from "./support/settled.ts";
import { useStack } from "./support/stack.ts";
import { until } from "./support/until.ts";

const stack = useStack();

const MAX_ROUNDS = 8;
/** Of one customer in one round; a snapshot shows up to 200. */
const ORDERS = 120;
/** Of each of the 8 items: enough for all rounds, since a gate would let no more orders in. */
const UNITS = MAX_ROUNDS * (ORDERS / 8);
/** First due after 30 s; a second look only when the first one fell into a crash. */
const SETTLE_MS = 150_000;

interface Round {
  customerId: string;
  since: string;
  accepted: string[];
}

/** Kills the process while orders are coming in. Those that are cut off were promised nothing. */
async function crashUnderLoad(customerId: string, skus: string[]): Promise<Round> {
  const customer = await stack.customer(customerId);
  const feed = await stack.feed(customerId);
  await feed.opened();
  const since = new Date().toISOString();
  const accepted: string[] = [];
  const enough = Promise.withResolvers<void>();
  const attempts = Array.from({ length: ORDERS }, async (_, i) => {
    const { status, body } = await customer.place([{ sku: skus[i % skus.length]!, quantity: 1 }]);
    if (status === 202) accepted.push(body.id);
    if (accepted.length >= ORDERS / 4) enough.resolve();
  });
  const ended = Promise.allSettled(attempts);
  // At that very moment: a little later all of them may be settled.
  await Promise.race([enough.promise, ended]);
  expect(accepted.length).toBeGreaterThanOrEqual(ORDERS / 4);
  await stack.crash();
  await ended;
  await until("the feed dropped", () => feed.closed);
  return { customerId, since, accepted };
}

test("invariants 7 and 10: when the process dies with its queues, every order that got 202 settles", async () => {
  const { operator } = stack;
  const skus = await Promise.all(Array.from({ length: 8 }, () => operator.stocked(UNITS)));
  const rounds: Round[] = [];
  let lost = 0;
  // A crash may find the queues empty: then there is another one.
  while (lost === 0 && rounds.length < MAX_ROUNDS) {
    const round = await crashUnderLoad(`survivor-${rounds.length}`, skus);
    rounds.push(round);
    const orders = await Promise.all(round.accepted.map((id) => operator.order(id)));
    lost = orders.filter(({ status }) => status === "pending").length;
  }
  expect(lost).toBeGreaterThan(0);

  let confirmed = 0;
  for (const { customerId, since, accepted } of rounds) {
    await settled(operator, accepted, SETTLE_MS);
    // The snapshot also has what was committed but could not be answered: that settles as well.
    const feed = await stack.feed(customerId, since);
    const ids = (await feed.opened()).orders.map(({ id }) => id);
    expect(accepted.filter((id) => !ids.includes(id))).toEqual([]);
    const orders = await settled(operator, ids, SETTLE_MS);
    expect(orders.every(({ revision }) => revision === 2)).toBe(true);
    confirmed += orders.filter(({ status }) => status === "confirmed").length;
    await feed.close();
  }
  const levels = await Promise.all(skus.map((sku) => operator.level(sku)));
  expect(levels.reduce((sum, { held }) => sum + held, 0)).toBe(confirmed);
  // A level may have been lost with the queue as well: the cron rereads them (invariant 10).
  await stack.cron();
  for (const sku of skus) {
    const locks = (await expectLedgerReplays(operator, sku)).filter(({ kind }) => kind === "lock");
    expect(new Set(locks.map(({ orderId }) => orderId)).size).toBe(locks.length);
    await expectReadModelFollows(operator, sku);
  }
}, 400_000);
