import { consume, decoderOf } from "../../contract/delivery.ts";
import { sendPacked } from "../../contract/messages.ts";
import { type StockEvent, StockEventSchema } from "../../contract/stock-events.ts";
import { keepLetters } from "../dead-letters/dead-letters.sql.ts";
import { settle, type SettlePorts } from "./settle.ts";

/** Consumes `stock-events`: acknowledged after D1 has the outcome and the present were told. */
export async function consumeStockEvents(
  batch: MessageBatch,
  ports: SettlePorts & { stockEvents: Queue },
): Promise<void> {
  await consume<StockEvent>(batch, {
    decode: decoderOf(StockEventSchema),
    handle: async (events) => (await settle(events, ports)).undecided,
    resend: (events, options) => sendPacked(ports.stockEvents, StockEventSchema, events, options),
    keep: (letters) => keepLetters(ports.db, letters),
  });
}
