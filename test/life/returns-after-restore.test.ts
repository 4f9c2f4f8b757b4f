import { describe, expect, test } from "vitest";
import { compareAll } from "./support/differences.ts";
import { recover, restore, settleEverything, thaw } from "./support/recovery.ts";
import { beat, snapshot, useDisasters } from "./support/restore.ts";
import { counters, expectSettled, ledgerOf } from "./support/stock.ts";
import { newCustomer, OPERATOR, WAIT, type World, worldOf } from "./support/world.ts";

useDisasters();

/** An order of two of three units, paid, and committed at its item. */
async function paid(world: World, sku: string): Promise<string> {
  const { body } = await world.place(newCustomer(), [{ sku, quantity: 2 }], WAIT);
  await world.pay(body.id);
  await settleEverything(world);
  return body.id;
}

async function giveBack(world: World, id: string, sku: string, key: string, quantity = 1) {
  const { status, body } = await world.call("POST", `/v1/orders/${id}/returns`, {
    as: OPERATOR,
    body: { lines: [{ sku, quantity }], restock: true, reason: "did not fit" },
    headers: { "Idempotency-Key": key },
  });
  return [status, body.order?.lines[0]?.returned];
}

const backIn = (one: number) => ({ received: 3, available: 1 + one, held: 0, sold: 2 - one });

describe("a return that the database has lost", () => {
  test.each([
    ["of an order that the database still has", true],
    ["of an order that was rebuilt from its items", false],
  ])("%s is booked once, however often the shop repeats it", async (_, isKept) => {
    const world = await worldOf();
    const sku = await world.stocked(3);
    await beat();
    const empty = await snapshot();
    const id = await paid(world, sku);
    await beat();
    const before = isKept ? await snapshot() : empty;
    expect(await giveBack(world, id, sku, "parcel-1")).toEqual([201, 1]);
    await settleEverything(world);
    expect(await counters(sku)).toEqual(backIn(1));

    await restore(before);
    await recover(world);
    await thaw(world);
    await settleEverything(world);
    expect(await giveBack(world, id, sku, "parcel-1")).toEqual([201, 1]);
    await settleEverything(world);
    expect(await giveBack(world, id, sku, "parcel-1")).toEqual([200, 1]);
    await settleEverything(world);
    expect(await counters(sku)).toEqual(backIn(1));
    expect((await ledgerOf(sku)).filter((kind) => kind === "return")).toHaveLength(1);
    await expectSettled(sku, [id]);
    expect((await compareAll()).differences).toEqual([]);

    // Other goods of the same order are another return.
    expect(await giveBack(world, id, sku, "parcel-2")).toEqual([201, 2]);
    await settleEverything(world);
    expect(await counters(sku)).toEqual(backIn(2));
    await expectSettled(sku, [id]);
  });
});
