import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import { consumeOrderEvents } from "../../src/stock/consumer.ts";
import type { CallItem } from "../../src/stock/coordinator.ts";
import { itemCaller } from "../../src/stock/stock-api.ts";
import worker from "../../src/stock/worker.ts";

/** A batch of `order-events`, one message a body, whose ids are m0, m1 … */
export function batchOf(bodies: unknown[], attempts = 1): MessageBatch {
  return createMessageBatch(
    "order-events",
    bodies.map((body, n) => ({ id: `m${n}`, timestamp: new Date(), attempts, body })),
  );
}

/** Watches what is called on each message: `ack` or the retry's delay. */
export function watch(batch: MessageBatch) {
  return batch.messages.map((message) => {
    const calls: ("ack" | number | undefined)[] = [];
    const [ack, retry] = [message.ack.bind(message), message.retry.bind(message)];
    vi.spyOn(message, "ack").mockImplementation(() => {
      calls.push("ack");
      ack();
    });
    vi.spyOn(message, "retry").mockImplementation((options) => {
      calls.push(options?.delaySeconds);
      retry(options);
    });
    return calls;
  });
}

/** The batch through the Worker's own handler, and what the platform makes of it. */
export async function deliver(batch: MessageBatch) {
  const ctx = createExecutionContext();
  await worker.queue(batch, env);
  return getQueueResult(batch, ctx);
}

/** The batch through the consumer with the real items, and the calls they got. */
export async function deliverCounted(batch: MessageBatch, through: (call: CallItem) => CallItem) {
  const calls: string[] = [];
  const counted: CallItem = (sku, commands) => {
    calls.push(sku);
    return itemCaller(env)(sku, commands);
  };
  await consumeOrderEvents(batch, {
    callItem: through(counted),
    stockEvents: env.STOCK_EVENTS,
    orderEvents: env.ORDER_EVENTS,
    deadLetters: env.ORDER_EVENTS_DLQ,
    now: Date.now,
  });
  return calls;
}

export const ids = (count: number): string[] => Array.from({ length: count }, (_, n) => `m${n}`);
