import * as v from "valibot";
import { type EventHeader, pack } from "../contract/envelope.ts";
import { MAX_MESSAGES_PER_SEND } from "../contract/limits.ts";
import { withTimeout } from "./timeout.ts";

/** A send can hang for a minute (workerd #6053). */
export const SEND_TIMEOUT_MS = 10_000;

/**
 * Packs events into messages and sends them in as few calls as the platform allows. Throws before any
 * call if an event does not satisfy the schema, and later if a call throws or exceeds its time limit.
 */
export async function sendPacked<E extends EventHeader>(
  queue: Queue,
  schema: v.GenericSchema<E>,
  events: readonly E[],
  { attempts = 0, delaySeconds = 0 }: { attempts?: number; delaySeconds?: number } = {},
): Promise<void> {
  for (const event of events) v.assert(schema, event);
  const messages = pack(events, attempts).map((body) => ({ body, delaySeconds }));
  for (let i = 0; i < messages.length; i += MAX_MESSAGES_PER_SEND) {
    const part = messages.slice(i, i + MAX_MESSAGES_PER_SEND);
    await withTimeout(SEND_TIMEOUT_MS, () => queue.sendBatch(part), "the send");
  }
}
