import { v7 } from "uuid";
import { expect, test } from "vitest";
import type { OrderView } from "../../../src/orders/order/order.ts";
import type { ContractClient } from "./contract-client.ts";
import { nowhere } from "./openapi-catalogue.ts";
import { settled } from "./settled.ts";
import type { Stack } from "./stack.ts";

interface Context {
  stack: Stack;
  contract: ContractClient;
  operator: string;
}

/** The part of openapi.test.ts about payments, returns and customers. */
export function moneyTests(use: () => Context): void {
  const confirmed = async (sku: string, customerId = `customer_${v7()}`): Promise<OrderView> => {
    const { contract, operator: token } = use();
    const body = { lines: [{ sku, quantity: 2 }], customerId };
    const headers = { prefer: "wait=5" };
    return (await contract.call<OrderView>("placeOrder", 201, { token, body, headers })).body;
  };
  const paymentOf = ({ id, amountDue, total }: OrderView) => ({
    reference: `pi/${v7()}`,
    orderId: id,
    amount: amountDue,
    currency: total.currency,
  });

  test("payments", async () => {
    const { stack, contract, operator: token } = use();
    const order = await confirmed(await stack.operator.stocked(9));
    const path = { id: order.id };
    await contract.call("extendOrder", 200, { token, path, body: { seconds: 60 } });
    await contract.call("extendOrder", 404, { token, path: nowhere, body: { seconds: 60 } });
    await contract.call("extendOrder", 400, { token, path, body: { seconds: 0 } });
    await contract.refusesBodies("extendOrder", { token, path });
    const body = paymentOf(order);
    await contract.call("recordPayment", 201, { token, body });
    await contract.call("recordPayment", 200, { token, body });
    await contract.call("recordPayment", 422, { token, body: { ...body, amount: 1 } });
    await contract.call("recordPayment", 400, { token, body: { ...body, amount: -1 } });
    await contract.refusesBodies("recordPayment", { token });
    await contract.call("extendOrder", 409, { token, path, body: { seconds: 60 } });
    const second = paymentOf(order);
    await contract.call("recordPayment", 201, { token, body: second });
    await contract.call("refundPayment", 200, { token, path: { reference: second.reference } });
    await contract.call("refundPayment", 409, { token, path: { reference: body.reference } });
    await contract.call("refundPayment", 404, { token, path: { reference: "never" } });
    for (const query of [{}, { state: "refunded" }, { orderId: order.id, limit: "1" }]) {
      await contract.call("listPayments", 200, { token, query });
    }
    await contract.call("listPayments", 400, { token, query: { state: "lost" } });
    // No secret is configured here.
    await contract.call("receiveStripeEvent", 404, { body: { type: "x" } });
  });

  test("returns", async () => {
    const { stack, contract, operator: token } = use();
    const sku = await stack.operator.stocked(9);
    const order = await confirmed(sku);
    const path = { id: order.id };
    const headers = { "idempotency-key": v7() };
    const body = { lines: [{ sku, quantity: 1 }], restock: true, reason: "too small" };
    await contract.call("createReturn", 409, { token, path, body, headers });
    await contract.call("payOrder", 200, { token, path });
    await contract.call("createReturn", 400, { token, path, body });
    await contract.call("createReturn", 201, { token, path, body, headers });
    await contract.call("createReturn", 200, { token, path, body, headers });
    await contract.call("createReturn", 422, {
      token,
      path,
      body: { ...body, restock: false },
      headers,
    });
    const more = { ...body, lines: [{ sku, quantity: 2 }] };
    const other = { "idempotency-key": v7() };
    await contract.call("createReturn", 409, { token, path, body: more, headers: other });
    await contract.call("createReturn", 404, { token, path: nowhere, body, headers });
    await contract.refusesBodies("createReturn", { token, path });
    await contract.call("listReturns", 200, { token, path });
    await contract.call("listReturns", 404, { token, path: nowhere });
    const after = await contract.call<OrderView>("getOrder", 200, { token, path });
    expect(after.body.lines).toMatchObject([{ returned: 1 }]);
  });

  test("erasing a customer", async () => {
    const { stack, contract, operator: token } = use();
    const customer = `customer_${v7()}`;
    const order = await confirmed(await stack.operator.stocked(9), customer);
    const path = { id: customer };
    await contract.call("eraseCustomer", 409, { token, path });
    await contract.call("eraseCustomer", 400, { token, path: { id: "x".repeat(256) } });
    await contract.call("cancelOrder", 200, { token, path: { id: order.id } });
    await settled(await stack.customer(customer), [order.id]);
    await contract.call("eraseCustomer", 204, { token, path });
  });
}
