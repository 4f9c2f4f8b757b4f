import { randomUUID } from "node:crypto";
import { tokenOf } from "../lib/orders.ts";
import type { Stack } from "../lib/stack.ts";

/** The calls whose cost must not grow with what is stored. */

export const SKU = "GROWN";
export const CUSTOMER = "customer";
/** Orders that are made due, for the reconciler to find. */
const DUE = 10;

export interface Call {
  name: string;
  /** Untimed, before each. */
  prepare?: (stack: Stack) => Promise<unknown>;
  run: (stack: Stack) => Promise<unknown>;
}

export async function send(
  stack: Stack,
  path: string,
  request: RequestInit,
  wanted: number,
): Promise<string> {
  const answer = await fetch(stack.base + path, request);
  const body = await answer.text();
  if (answer.status !== wanted) throw new Error(`${path}: ${answer.status} ${body}`);
  return body;
}

export const headersOf = async (subject: string, more: Record<string, string> = {}) => ({
  authorization: `Bearer ${await tokenOf(subject, subject === "operator" ? subject : undefined)}`,
  "content-type": "application/json",
  ...more,
});

export async function place(stack: Stack, prefer?: string): Promise<string> {
  const more = { "idempotency-key": randomUUID(), ...(prefer !== undefined && { prefer }) };
  const headers = await headersOf(CUSTOMER, more);
  const body = JSON.stringify({ lines: [{ sku: SKU, quantity: 1 }] });
  const wanted = prefer === undefined ? 202 : 201;
  return send(stack, "/v1/orders", { method: "POST", headers, body }, wanted);
}

export const get = async (stack: Stack, path: string, subject = "operator") =>
  send(stack, path, { headers: await headersOf(subject) }, 200);

/** Makes orders look as if what stock did for them had never been heard of. */
const makeDue = (stack: Stack) =>
  stack.read(
    `UPDATE orders SET status = 'pending', awaits = 'lock', due_at = 1 WHERE id IN
       (SELECT id FROM orders INDEXED BY orders_by_customer WHERE customer_id = '${CUSTOMER}'
        ORDER BY id LIMIT ${DUE})`,
  );

/** `manyOf`: a customer with very many orders, where there is one. */
export const callsWith = (id: string, manyOf: string): Call[] => [
  { name: "place", run: (stack) => place(stack) },
  { name: "place and settle (lane)", run: (stack) => place(stack, "wait=10") },
  { name: "get an order", run: (stack) => get(stack, `/v1/orders/${id}`) },
  { name: "list a customer's orders", run: (stack) => get(stack, "/v1/orders", manyOf) },
  { name: "list all orders", run: (stack) => get(stack, "/v1/operations/orders") },
  { name: "operations", run: (stack) => get(stack, "/v1/operations") },
  {
    name: `reconcile ${DUE} due orders`,
    prepare: makeDue,
    run: (stack) => stack.ask(0, "/__meter/ring?binding=RECONCILER&name=reconciler"),
  },
  {
    name: "compare 100 orders with their item",
    run: async (stack) => {
      const headers = await headersOf("operator");
      const path = "/v1/operations/reconcile";
      const answer = await send(stack, path, { method: "POST", headers, body: "{}" }, 200);
      const { differences } = JSON.parse(answer) as { differences: unknown[] };
      if (differences.length > 0) throw new Error("D1 and the item differ");
    },
  },
];
