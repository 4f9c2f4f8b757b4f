import { env } from "cloudflare:workers";
import { v7 } from "uuid";
import { expect } from "vitest";
import type { ReportedPayment, PaymentView } from "../../../src/orders/order/payment.ts";
import { passAt } from "./reconcile.ts";
import { deliver, settleAll } from "./stock.ts";
import { newCustomer, OPERATOR, orderNow, WAIT, type World } from "./world.ts";

export const WINDOW = { PAYMENT_WINDOW_SECONDS: "600" };

/** Of the two units that these orders name. */
export const DUE = { amount: 200, currency: "EUR" };

export const newReference = (): string => `pi_${v7()}`;

/** A payment of the amount due, unless it says otherwise. */
export const paymentOf = (
  orderId: string,
  parts: Partial<ReportedPayment> = {},
): ReportedPayment => ({
  reference: newReference(),
  orderId,
  ...DUE,
  ...parts,
});

export async function report(world: World, payment: ReportedPayment) {
  const answer = await world.call("POST", "/v1/payments", { as: OPERATOR, body: payment });
  return { status: answer.status, payment: answer.body["payment"] as PaymentView };
}

/** A new item with so many units, and a pending order of two of them. */
export async function pending(world: World, units = 5, customer = newCustomer()) {
  const sku = await world.stocked(units);
  const { body } = await world.place(customer, [{ sku, quantity: 2 }]);
  return { sku, id: body.id, customer };
}

export async function confirmed(world: World, units = 5, customer = newCustomer()) {
  const sku = await world.stocked(units);
  const { status, body } = await world.place(customer, [{ sku, quantity: 2 }], WAIT);
  expect(status).toBe(201);
  return { sku, id: body.id, customer };
}

/** The same, whose payment window ran out just now and whose units are back. */
export async function expired(world: World, units = 5) {
  const made = await confirmed(world, units);
  await passAt(Number((await orderNow(made.id)).payBy_ms), { vars: WINDOW });
  expect(await orderNow(made.id)).toMatchObject({ reason: "payment_timeout", awaits: null });
  return made;
}

/** Delivers what was sent, and makes a pass for what is due. */
export async function settleDown(world: World): Promise<void> {
  await settleAll((await deliver(world.sent.splice(0))).outcomes, world.env);
  await passAt(Date.now(), { vars: world.env });
}

/** Every payment of an order or its successor, by reference. */
export async function moneyOf(orderId: string): Promise<Record<string, string>> {
  const { results } = await env.DB.prepare(
    "SELECT reference, state, why FROM payments WHERE order_id = ?1 OR successor_id = ?1 ORDER BY id",
  )
    .bind(orderId)
    .all<{ reference: string; state: string; why: string | null }>();
  return Object.fromEntries(
    results.map(({ reference, state, why }) => [
      reference,
      why === null ? state : `${state} ${why}`,
    ]),
  );
}
