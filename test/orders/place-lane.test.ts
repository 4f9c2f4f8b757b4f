import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, expect, it } from "vitest";
import { unpack } from "../../src/contract/envelope.ts";
import type { OrderDesk } from "../../src/orders/worker.ts";
import { addItem } from "./support/data.ts";
import { fakeQueue } from "./support/queue.ts";
import { call, envWith, migrate, newCustomer, tokenFor } from "./support/worker.ts";

beforeAll(migrate);

it("with the stock Worker away, 600 orders by the lane all take the queue, in few messages", async () => {
  const sku = await addItem();
  const queue = fakeQueue();
  const desk = env.DESK.getByName("desk-0");
  await runInDurableObject(desk, (object: OrderDesk) =>
    Reflect.set(object, "env", envWith({ ORDER_EVENTS: queue.queue })),
  );
  const token = await tokenFor(newCustomer());
  const answers = await Promise.all(
    Array.from({ length: 600 }, async () => {
      const headers = { Prefer: "wait=5" };
      const body = { lines: [{ sku, quantity: 1 }] };
      const response = await call("POST", "/v1/orders", { token, headers, body });
      return { status: response.status, id: ((await response.json()) as { id: string }).id };
    }),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
  const bodies = () => queue.sent.map(({ body }) => unpack(body));
  await expect
    .poll(() => bodies().flatMap(({ events }) => events).length, { timeout: 15_000 })
    .toBe(600);
  expect(bodies().length).toBeLessThanOrEqual(20);
  const ids = bodies().flatMap(({ events }) => events as { orderId: string }[]);
  expect(ids.map(({ orderId }) => orderId).toSorted()).toEqual(
    answers.map(({ id }) => id).toSorted(),
  );
});
