import { type DeadLetter, DeadLetterSchema } from "../contract/dead-letter.ts";
import { type OrderEvent, OrderEventSchema } from "../contract/order-events.ts";
import { StockEventSchema } from "../contract/stock-events.ts";
import { traceIdOf } from "../contract/trace.ts";
import { log, traces } from "../runtime/log.ts";
import { consume, decoderOf, POSTPONED, type Undecided } from "../runtime/queue-consumer.ts";
import { sendPacked } from "../runtime/queue-producer.ts";
import { type CallItem, coordinate } from "./coordinator.ts";

/** The bindings and the clock that the consumer uses. */
export interface ConsumerPorts {
  callItem: CallItem;
  stockEvents: Queue;
  orderEvents: Queue;
  deadLetters: Queue;
  now: () => number;
}

/** Consumes `order-events`. Sends the outcomes to `stock-events` before it acknowledges a message. */
export async function consumeOrderEvents(batch: MessageBatch, ports: ConsumerPorts): Promise<void> {
  await consume<OrderEvent>(batch, {
    decode: decoderOf(OrderEventSchema),
    handle: (events) => handle(events, ports),
    resend: (events, options) => sendPacked(ports.orderEvents, OrderEventSchema, events, options),
    storeDeadLetters: (letters) => sendDeadLetters(letters, ports.deadLetters),
  });
}

/** Coordinator runs per delivery. With 450 SKUs and two rounds each: below 10,000 subrequests. */
const MAX_RUNS = 8;

async function handle(
  events: OrderEvent[],
  { callItem, stockEvents, now }: ConsumerPorts,
): Promise<Undecided<OrderEvent>> {
  const start_ms = now();
  const undecided: Undecided<OrderEvent> = new Map(events.map((event) => [event, POSTPONED]));
  let outcomes = 0;
  for (let runs = 0; runs < MAX_RUNS; runs++) {
    const open = events.filter((event) => undecided.get(event)?.type === "postponed");
    if (open.length === 0) break;
    const run = await coordinate(open, callItem, { now_ms: now() });
    if (run.outcomes.length > 0) await sendPacked(stockEvents, StockEventSchema, run.outcomes);
    outcomes += run.outcomes.length;
    for (const event of open) undecided.delete(event);
    for (const [event, delay] of run.undecided) undecided.set(event, delay);
  }
  const counts = { events: events.length, outcomes, undecided: undecided.size };
  const took = { tookMs: now() - start_ms };
  log("info", "stock.batch_decided", { ...counts, ...took, ...traces(events.map(traceIdOf)) });
  return undecided;
}

/**
 * Sends each letter as the body of a message on the dead-letter queue, so that its error is kept. A
 * letter over the platform's limit of 128 KB makes the send throw. Its message is then retried until
 * the platform itself moves it to that queue.
 */
async function sendDeadLetters(letters: DeadLetter[], queue: Queue): Promise<void> {
  const bodies = letters.map((letter) => ({ type: "dead-letter", version: 1, ...letter }) as const);
  await sendPacked(queue, DeadLetterSchema, bodies);
}
