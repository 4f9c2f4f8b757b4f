import { type StockEvent, StockEventSchema } from "../../contract/stock-events.ts";
import { consume, decoderOf, POSTPONED, type Undecided } from "../../runtime/queue-consumer.ts";
import { sendPacked } from "../../runtime/queue-producer.ts";
import { storeDeadLetters } from "../dead-letters/dead-letters.sql.ts";
import { partsOf, settle, type SettlePorts } from "./settle.ts";

/** Consumes `stock-events`. Acknowledges a message once D1 has its outcomes and feeds are notified. */
export async function consumeStockEvents(
  batch: MessageBatch,
  ports: SettlePorts & { stockEvents: Queue },
): Promise<void> {
  await consume<StockEvent>(batch, {
    decode: decoderOf(StockEventSchema),
    handle: (events) => handle(events, ports),
    resend: (events, options) => sendPacked(ports.stockEvents, StockEventSchema, events, options),
    storeDeadLetters: (letters) => storeDeadLetters(ports.db, letters),
  });
}

/**
 * Settles part by part while feed calls are left, and postpones the remaining parts unsettled: a part
 * that was settled but not pushed would be settled again by its next delivery. The first part is
 * always settled and pushes at least one of its orders, so each delivery makes progress.
 */
async function handle(events: StockEvent[], ports: SettlePorts): Promise<Undecided<StockEvent>> {
  const undecided: Undecided<StockEvent> = new Map(events.map((event) => [event, POSTPONED]));
  for (const part of partsOf(events)) {
    if (ports.feeds.isExhausted()) break;
    const settled = await settle(part, ports);
    for (const event of part) undecided.delete(event);
    for (const [event, delay] of settled.undecided) undecided.set(event, delay);
  }
  return undecided;
}
