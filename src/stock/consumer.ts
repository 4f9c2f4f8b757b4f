import * as v from "valibot";
import { consume, type DeadLetter, type Decoded, type Undecided } from "../contract/delivery.ts";
import { log } from "../contract/log.ts";
import { sendPacked } from "../contract/messages.ts";
import { type OrderEvent, OrderEventSchema } from "../contract/order-events.ts";
import { type CallItem, coordinate } from "./coordinator.ts";

/** What the consumer needs of the outside. */
export interface ConsumerPorts {
  callItem: CallItem;
  stockEvents: Queue;
  orderEvents: Queue;
  deadLetters: Queue;
  now: () => number;
}

/** Consumes `order-events`: outcomes are sent before their messages are acknowledged. */
export async function consumeOrderEvents(batch: MessageBatch, ports: ConsumerPorts): Promise<void> {
  await consume(batch, {
    decode,
    handle: (events) => handle(events, ports),
    resend: (events, options) => sendPacked(ports.orderEvents, events, options),
    keep: (letters) => keep(letters, ports.deadLetters),
  });
}

function decode(value: unknown): Decoded<OrderEvent> {
  const result = v.safeParse(OrderEventSchema, value);
  if (result.success) return { ok: true, event: result.output };
  return { ok: false, error: `cannot be decoded: ${v.summarize(result.issues).slice(0, 400)}` };
}

async function handle(
  events: OrderEvent[],
  { callItem, stockEvents, now }: ConsumerPorts,
): Promise<Undecided<OrderEvent>> {
  const start_ms = now();
  const { outcomes, undecided } = await coordinate(events, callItem, start_ms);
  if (outcomes.length > 0) await sendPacked(stockEvents, outcomes);
  log("info", "stock.batch_decided", {
    events: events.length,
    outcomes: outcomes.length,
    undecided: undecided.size,
    tookMs: now() - start_ms,
  });
  return undecided;
}

/**
 * The letter travels as the body of a message on the dead-letter queue, so that its error comes
 * along. One that would not fit the platform's 128 KB makes the send throw: then the message is
 * retried until the platform moves it there by itself.
 */
async function keep(letters: DeadLetter[], queue: Queue): Promise<void> {
  for (const letter of letters) {
    await queue.send({ type: "dead-letter", version: 1, ...letter });
  }
}
