import { beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { dueAt, passAt, stockLane } from "./support/reconcile.ts";
import { deliver, expectSettled, ledgerOf, settleAll } from "./support/stock.ts";
import { migrate, newCustomer, orderNow, worldOf } from "./support/world.ts";

beforeAll(migrate);

const DEADLINE = { LOCK_DEADLINE_SECONDS: "60" };
const YEAR_MS = 365 * 86_400_000;

/** An order that nobody has heard of, but for its message, which is held back. */
async function unheard(vars: typeof DEADLINE = DEADLINE) {
  const world = await worldOf({ vars });
  const sku = await world.stocked(5);
  const { body } = await world.place(newCustomer(), [{ sku, quantity: 2 }]);
  await eventually(() => expect(world.sent).toHaveLength(1));
  const { placedAt_ms } = await orderNow(body.id);
  return { world, sku, id: body.id, placedAt_ms, deadline_ms: placedAt_ms + 60_000 };
}

describe("the lock deadline", () => {
  test("ends a pending order as lock_timeout, exactly when it is reached", async () => {
    const { sku, id, deadline_ms } = await unheard();
    const lane = stockLane({ isAway: true });
    for (let now_ms = await dueAt(id); now_ms < deadline_ms; now_ms = await dueAt(id)) {
      await passAt(now_ms, { ...lane, vars: DEADLINE });
      expect(await orderNow(id)).toMatchObject({ status: "pending", awaits: "lock" });
    }
    expect(await dueAt(id)).toBe(deadline_ms);
    lane.isAway = false;
    await passAt(deadline_ms, { ...lane, vars: DEADLINE });
    const [order] = await expectSettled(sku, [id]);
    expect(order).toMatchObject({ status: "cancelled", reason: "lock_timeout", revision: 2 });
    expect(await ledgerOf(sku)).toEqual(["receive"]);
  });

  test("invariant 6: its message that comes after that takes nothing, and revives nothing", async () => {
    const { world, sku, id, deadline_ms } = await unheard();
    await passAt(deadline_ms, { vars: DEADLINE });
    const { outcomes, ended } = await deliver([...world.sent, ...world.sent]);
    expect(ended).toEqual(["ack", "ack"]);
    expect(outcomes.map(({ type }) => type)).toEqual(["stock.refused", "stock.refused"]);
    await settleAll(outcomes);
    const [order] = await expectSettled(sku, [id]);
    expect(order).toMatchObject({ reason: "lock_timeout", shortages: null, revision: 2 });
    expect(await ledgerOf(sku)).toEqual(["receive"]);
  });

  test("releases what was locked while the outcome was lost", async () => {
    const { world, sku, id, deadline_ms } = await unheard();
    await deliver(world.sent);
    await passAt(deadline_ms, { vars: DEADLINE });
    await expectSettled(sku, [id]);
    expect(await ledgerOf(sku)).toEqual(["receive", "lock", "release"]);
  });

  test("releases what is locked between the deadline and the release", async () => {
    const { world, sku, id, deadline_ms } = await unheard();
    const lane = stockLane({ isAway: true });
    await passAt(deadline_ms, { ...lane, vars: DEADLINE });
    expect(await orderNow(id)).toMatchObject({ status: "cancelled", awaits: "release" });
    await settleAll((await deliver(world.sent)).outcomes);
    expect(await orderNow(id)).toMatchObject({ reason: "lock_timeout", awaits: "release" });
    lane.isAway = false;
    await passAt(await dueAt(id), { ...lane, vars: DEADLINE });
    expect(lane.askedOf(id)).toEqual(["order.cancelled", "order.cancelled"]);
    await expectSettled(sku, [id]);
    expect(await ledgerOf(sku)).toEqual(["receive", "lock", "release"]);
  });

  test("does not touch an order that was decided in time", async () => {
    const { world, sku, id, deadline_ms } = await unheard();
    await settleAll((await deliver(world.sent)).outcomes);
    await passAt(deadline_ms + 1_000, { vars: DEADLINE });
    const [order] = await expectSettled(sku, [id]);
    expect(order).toMatchObject({ status: "confirmed", revision: 2 });
  });

  test("of 0 s: the order waits for ever, and is locked when stock is back", async () => {
    const forever = { LOCK_DEADLINE_SECONDS: "0" };
    const { sku, id } = await unheard(forever);
    const lane = stockLane({ isAway: true });
    await passAt(Date.now() + YEAR_MS, { ...lane, vars: forever });
    expect(await orderNow(id)).toMatchObject({ status: "pending", awaits: "lock" });
    lane.isAway = false;
    await passAt(await dueAt(id), { ...lane, vars: forever });
    const [order] = await expectSettled(sku, [id]);
    expect(order?.status).toBe("confirmed");
  });
});
