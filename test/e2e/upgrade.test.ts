import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { OrderView } from "../../src/orders/order/order.ts";
import { current, type Released, released } from "../compat/support/bundles.ts";
import { versions } from "../compat/support/versions.ts";
import { type Deployed, deploy } from "./support/deployed.ts";
import { expectLedgerReplays, levelBecomes, settled } from "./support/settled.ts";
import { until } from "./support/until.ts";

/** Released bundles and today's, one after the other and side by side, on the same data in workerd. */

const SKU = "RECORD";
const UNITS = 50;
const LINES = [{ sku: SKU, quantity: 1 }];

type Pair = [orders: Released, stock: Released];
let today: Pair;
beforeAll(async () => {
  today = (await current()) as Pair;
}, 120_000);

/** Runs both Workers of these versions for the time of `work`, and then kills them. */
async function during<T>(
  state: string,
  pair: Pair,
  work: (deployed: Deployed) => Promise<T>,
  isFresh = false,
): Promise<T> {
  const deployed = await deploy(state, pair, { isFresh });
  try {
    return await work(deployed);
  } finally {
    await deployed.stop();
  }
}

async function folder(): Promise<string> {
  const state = await mkdtemp(join(tmpdir(), "lockstock-upgrade-"));
  onTestFinished(() => rm(state, { recursive: true, force: true, maxRetries: 5 }));
  return state;
}

async function openShop({ operator }: Deployed): Promise<void> {
  const item = { name: "Record", price: { amount: 1500, currency: "EUR" }, limitPerCustomer: 40 };
  expect((await operator.call("PUT", `/v1/items/${SKU}`, item)).status).toBe(201);
  await operator.receive(SKU, UNITS);
}

/** One order in each state that another version may find. */
interface Begun {
  /** Nobody has paid it yet. */
  confirmed: string;
  /** Paid, and the sale is acknowledged. */
  paid: string;
  /** Cancelled, and its units are released. */
  cancelled: string;
  /** Placed and paid or cancelled right before the process is killed: what is next is awaited. */
  pending: string;
  paying: string;
  cancelling: string;
}

const place = async ({ customer }: Deployed): Promise<string> =>
  (await customer.place(LINES)).body.id;

async function begin(deployed: Deployed): Promise<Begun> {
  const { operator, customer } = deployed;
  const ids = await Promise.all(Array.from({ length: 5 }, () => place(deployed)));
  await settled(operator, ids);
  const [confirmed, paid, cancelled, paying, cancelling] = ids as Five;
  const pay = (id: string) => operator.call("POST", `/v1/orders/${id}/pay`);
  await Promise.all([pay(paid), customer.cancel(cancelled)]);
  await unsettled(deployed);
  // The process is killed next, before or after stock has heard of these.
  const [pending] = await Promise.all([place(deployed), pay(paying), customer.cancel(cancelling)]);
  return { confirmed, paid, cancelled, pending, paying, cancelling };
}

type Five = [string, string, string, string, string];

/** Waits until no order awaits its stock. */
async function unsettled({ sql }: Deployed): Promise<void> {
  await until("all orders settled", async () => {
    const [row] = await sql<{ n: number }>(
      "SELECT count(*) AS n FROM orders WHERE awaits IS NOT NULL",
    );
    return row?.n === 0;
  });
}

/** What another version began is read, settles, and is brought to its end. */
async function finish(deployed: Deployed, begun: Begun): Promise<void> {
  const { operator, customer, cron, sql } = deployed;
  // Else half a minute later.
  await sql("UPDATE orders SET due_at = 1 WHERE awaits IS NOT NULL");
  await cron();
  await unsettled(deployed);
  const statusOf = async (id: string) => (await customer.order(id)).status;
  expect(await statusOf(begun.pending)).toBe("confirmed");
  expect(await statusOf(begun.confirmed)).toBe("confirmed");
  expect(await statusOf(begun.paid)).toBe("paid");
  expect(await statusOf(begun.cancelled)).toBe("cancelled");
  expect(await statusOf(begun.paying)).toBe("paid");
  expect(await statusOf(begun.cancelling)).toBe("cancelled");
  const paid = await operator.call<OrderView>("POST", `/v1/orders/${begun.confirmed}/pay`);
  expect([paid.status, paid.body.status]).toEqual([200, "paid"]);
  expect((await customer.cancel(begun.pending)).body.status).toBe("cancelled");
  // Repeats change nothing.
  expect((await operator.call("POST", `/v1/orders/${begun.paid}/pay`)).status).toBe(200);
  expect((await customer.cancel(begun.paid)).status).toBe(409);
  await unsettled(deployed);
}

/** Of each order that was begun and finished, three are paid and three cancelled. */
async function expectSold({ operator, cron }: Deployed, rounds: number): Promise<void> {
  await cron();
  const sold = 3 * rounds;
  await levelBecomes(operator, SKU, { received: UNITS, available: UNITS - sold, held: 0, sold });
  await expectLedgerReplays(operator, SKU);
  const { body } = await operator.call<{ differences: unknown[] }>(
    "POST",
    "/v1/operations/reconcile",
    {},
  );
  expect(body.differences).toEqual([]);
  const { orders } = await operator.get<{ orders: Record<string, number> }>("/v1/operations");
  expect(orders).toMatchObject({ pending: 0, confirmed: 0, paid: sold, cancelled: 3 * rounds });
}

describe.each(versions())("version %s and today's", (version) => {
  const old = released(version) as Pair;

  test("an upgrade, a rollback and an upgrade again: each goes on with what the other began", async () => {
    const state = await folder();
    const before = await during(
      state,
      old,
      async (deployed) => {
        await openShop(deployed);
        return begin(deployed);
      },
      true,
    );
    const between = await during(state, today, async (deployed) => {
      await finish(deployed, before);
      await expectSold(deployed, 1);
      return begin(deployed);
    });
    const after = await during(state, old, async (deployed) => {
      await finish(deployed, between);
      await expectSold(deployed, 2);
      return begin(deployed);
    });
    await during(state, today, async (deployed) => {
      await finish(deployed, after);
      await expectSold(deployed, 3);
    });
  });

  test.each([
    ["the new stock Worker with the old orders Worker", () => [old[0], today[1]]],
    ["the old stock Worker with the new orders Worker", () => [today[0], old[1]]],
  ] as [string, () => Pair][])("side by side: %s", async (_, pair) => {
    const state = await folder();
    const before = await during(
      state,
      old,
      async (deployed) => {
        await openShop(deployed);
        return begin(deployed);
      },
      true,
    );
    const between = await during(state, pair(), async (deployed) => {
      await finish(deployed, before);
      await expectSold(deployed, 1);
      return begin(deployed);
    });
    await during(state, today, async (deployed) => {
      await finish(deployed, between);
      await expectSold(deployed, 2);
    });
  });
});
