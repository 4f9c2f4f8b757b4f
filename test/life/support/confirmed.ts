import { expect } from "vitest";
import { eventually } from "../../support/eventually.ts";
import { deliver, settleAll } from "./stock.ts";
import { newCustomer, WAIT, type World } from "./world.ts";

/** A new item, and an order of two units of it that is confirmed. */
export async function confirmed(world: World, units = 5, details: Record<string, unknown> = {}) {
  const sku = await world.stocked(units, details);
  const { status, body } = await world.place(newCustomer(), [{ sku, quantity: 2 }], WAIT);
  expect(status).toBe(201);
  return { sku, id: body.id };
}

/** Delivers what was sent, both ways. */
export async function exchange(world: World) {
  await eventually(() => expect(world.sent).not.toHaveLength(0));
  await settleAll((await deliver(world.sent.splice(0))).outcomes);
}
