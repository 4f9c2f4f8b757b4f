import { beforeAll, expect, test } from "vitest";
import { deliver, expectSettled, settleAll } from "./support/stock.ts";
import { migrate, newCustomer, OPERATOR, WAIT, type World, worldOf } from "./support/world.ts";

beforeAll(migrate);

const makeDraft = async (world: World, sku: string): Promise<void> => {
  await world.call("PATCH", `/v1/items/${sku}`, { as: OPERATOR, body: { status: "draft" } });
};
const archive = async (world: World, sku: string): Promise<void> => {
  await world.call("DELETE", `/v1/items/${sku}`, { as: OPERATOR });
};

test.each([
  ["a draft", makeDraft],
  ["archived", archive],
])(
  "an item that is %s cannot be ordered; its stock and its open orders go on",
  async (_, unlist) => {
    const world = await worldOf();
    const sku = await world.stocked(3);
    const lines = [{ sku, quantity: 1 }];
    const [paid, cancelled] = [
      await world.place(newCustomer(), lines, WAIT),
      await world.place(newCustomer(), lines, WAIT),
    ];
    await unlist(world, sku);

    const refused = await world.place(newCustomer(), lines, WAIT);
    expect([refused.status, refused.body.code]).toEqual([422, "unknown_item"]);
    expect((await world.receive(sku, 4)).status).toBe(200);
    const { body: level } = await world.call("GET", `/v1/items/${sku}/stock`, { as: OPERATOR });
    expect(level).toMatchObject({ received: 7, available: 5, held: 2, sold: 0 });

    expect((await world.pay(paid.body.id)).status).toBe(200);
    expect((await world.cancel(cancelled.body.id)).status).toBe(200);
    await settleAll((await deliver(world.sent)).outcomes);
    await expectSettled(sku, [paid.body.id, cancelled.body.id]);
    const { body: after } = await world.call("GET", `/v1/items/${sku}/stock`, { as: OPERATOR });
    expect(after).toMatchObject({ received: 7, available: 6, held: 0, sold: 1 });
    const { body: ledger } = await world.call("GET", `/v1/items/${sku}/ledger`, { as: OPERATOR });
    expect((ledger["movements"] as { kind: string }[]).map(({ kind }) => kind)).toEqual([
      "release",
      "commit",
      "receive",
      "lock",
      "lock",
      "receive",
    ]);
  },
);
