import { expect, test } from "vitest";
import { madeTraceId } from "../../src/contract/trace.ts";
import type { OrderView } from "../../src/orders/order/order.ts";
import { settled } from "./support/settled.ts";
import { useStack } from "./support/stack.ts";
import { until } from "./support/until.ts";

const stack = useStack({}, { isTraced: true });

const traceparent = (traceId: string): string => `00-${traceId}-00f067aa0ba902b7-01`;

interface Line {
  event: string;
  traceId?: string;
}

/** The events of the log lines that name this trace, as a search for it finds them. */
function stepsOf(traceId: string): string[] {
  const lines = stack.lines().flatMap((message): Line[] => {
    if (!message.startsWith("{")) return [];
    return [JSON.parse(message) as Line];
  });
  const own = lines.filter((line) => line.traceId?.split(" ").includes(traceId));
  return own.map(({ event }) => event);
}

async function loggedAll(traceId: string, wanted: readonly string[]): Promise<void> {
  const missing = () => wanted.filter((event) => !stepsOf(traceId).includes(event));
  await until("its steps", () => missing().length === 0).catch(() => undefined);
  expect(missing()).toEqual([]);
}

async function place(sku: string, headers: Record<string, string>, customerId = "ada") {
  const customer = await stack.customer(customerId);
  const lines = [{ sku, quantity: 1 }];
  return await customer.call<OrderView>("POST", "/v1/orders", { lines }, headers);
}

async function traceIdOf(id: string): Promise<string> {
  const path = `/v1/operations/orders/${id}/history`;
  return (await stack.operator.get<{ traceId: string }>(path)).traceId;
}

/** The order ids in the spans that name this trace, from what the local run keeps of spans. */
async function spansOf(traceId: string): Promise<string[]> {
  const path = "/cdn-cgi/local/explorer/api/local/observability/query";
  const sql = `SELECT json_extract(attributes, '$."lockstock.order_id"') FROM spans
    WHERE json_extract(attributes, '$."lockstock.trace_id"') = '${traceId}'`;
  const { body } = await stack.anyone.call<{ result: { rows: [string][] } }>("POST", path, { sql });
  return body.result.rows.map(([id]) => id);
}

test("every step of an order, through both queues and all objects, names the caller's trace", async () => {
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
  const sku = await stack.operator.stocked(5);
  const feed = await stack.feed("ada");
  await feed.opened();
  const { status, body } = await place(sku, { traceparent: traceparent(traceId) });
  expect(status).toBe(202);
  await settled(stack.operator, [body.id]);
  await loggedAll(traceId, [
    "orders.batch_placed", // the desk
    "stock.batch_decided", // the consumer of order-events
    "item.commands_applied", // the item
    "orders.batch_settled", // the consumer of stock-events
    "feed.orders_sent", // the feed
  ]);
  expect(await traceIdOf(body.id)).toBe(traceId);

  // A later call has a trace of its own; the order keeps the one with which it was placed.
  const before = stepsOf(traceId).length;
  const path = `/v1/orders/${body.id}/pay`;
  await stack.operator.call("POST", path, undefined, { traceparent: traceparent("a".repeat(32)) });
  await loggedAll(traceId, ["order.changed"]);
  const later = () => stepsOf(traceId).slice(before);
  const wanted = ["stock.batch_decided", "item.commands_applied", "orders.batch_settled"];
  await until("the commit's steps", () => wanted.every((event) => later().includes(event)));
  await feed.close();
});

test("the spans of requests about one order name its trace", async () => {
  const traceId = "d".repeat(32);
  const sku = await stack.operator.stocked(5);
  const { body } = await place(sku, { traceparent: traceparent(traceId), prefer: "wait=5" });
  await stack.operator.order(body.id);
  await stack.operator.call("POST", `/v1/orders/${body.id}/pay`);
  await until("three spans", async () => (await spansOf(traceId)).length === 3);
  expect(await spansOf(traceId)).toEqual([body.id, body.id, body.id]);
});

test("so do those of an order whose message is lost and which the reconciler settles", async () => {
  const traceId = "00f067aa0ba902b700f067aa0ba902b7";
  const sku = await stack.operator.stocked(5);
  const { DB } = await stack.orders();
  const { body } = await place(sku, { traceparent: traceparent(traceId), prefer: "wait=5" });
  expect(body.status).toBe("confirmed");
  await loggedAll(traceId, ["orders.batch_placed", "lane.call_decided", "orders.batch_settled"]);
  // As it stands after a crash between the commit and the send.
  await DB.prepare("UPDATE orders SET status = 'paid', awaits = 'commit', due_at = 1 WHERE id = ?")
    .bind(body.id)
    .run();
  await stack.cron();
  await loggedAll(traceId, ["orders.reconciled"]);
  await until("the commit", async () => (await stack.operator.level(sku)).sold === 1);
});

test("without a traceparent the order's id is the trace id, and an invalid one is ignored", async () => {
  const sku = await stack.operator.stocked(9);
  const invalid = ["", "00", traceparent("0".repeat(32)), traceparent("x".repeat(32))];
  const placed = await Promise.all([
    place(sku, {}),
    ...invalid.map((header) => place(sku, { traceparent: header })),
  ]);
  expect(placed.map(({ status }) => status)).toEqual(placed.map(() => 202));
  for (const { body } of placed) {
    expect(await traceIdOf(body.id)).toBe(madeTraceId(body.id));
    await loggedAll(madeTraceId(body.id), ["orders.batch_placed", "orders.batch_settled"]);
  }
});
