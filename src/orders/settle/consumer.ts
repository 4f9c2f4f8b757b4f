import * as v from "valibot";
import { consume, type Decoded } from "../../contract/delivery.ts";
import { sendPacked } from "../../contract/messages.ts";
import { type StockEvent, StockEventSchema } from "../../contract/stock-events.ts";
import { keepLetters } from "../dead-letters/dead-letters.sql.ts";
import { settle, type SettlePorts } from "./settle.ts";

/** Consumes `stock-events`: acknowledged after D1 has the outcome and the present were told. */
export async function consumeStockEvents(
  batch: MessageBatch,
  ports: SettlePorts & { stockEvents: Queue },
): Promise<void> {
  await consume(batch, {
    decode,
    handle: async (events) => (await settle(events, ports)).undecided,
    resend: (events, options) => sendPacked(ports.stockEvents, events, options),
    keep: (letters) => keepLetters(ports.db, letters),
  });
}

function decode(value: unknown): Decoded<StockEvent> {
  const result = v.safeParse(StockEventSchema, value);
  if (result.success) return { ok: true, event: result.output };
  return { ok: false, error: `cannot be decoded: ${v.summarize(result.issues).slice(0, 400)}` };
}
