import * as v from "valibot";
import type { DeadLetter } from "../../contract/delivery.ts";
import { errorText, log } from "../../contract/log.ts";
import { keepLetters } from "./dead-letters.sql.ts";

const RETRY_SECONDS = 30;

/** A letter that the stock Worker wrote itself, with the error. */
const LetterSchema = v.object({
  type: v.literal("dead-letter"),
  version: v.literal(1),
  id: v.string(),
  queue: v.string(),
  body: v.unknown(),
  attempts: v.number(),
  error: v.string(),
  at: v.string(),
});

/** Consumes both dead-letter queues into D1: each message is stored, then acknowledged. */
export async function consumeDeadLetters(batch: MessageBatch, db: D1Database): Promise<void> {
  for (const message of batch.messages) {
    try {
      await keepLetters(db, [letterOf(batch.queue, message)]);
      message.ack();
    } catch (error) {
      const fields = { queue: batch.queue, messageId: message.id, error: errorText(error) };
      log("error", "dead_letter.unkept", fields);
      message.retry({ delaySeconds: RETRY_SECONDS });
    }
  }
}

/** What the platform moved here by itself comes without its error, and its attempts start at 1. */
function letterOf(deadQueue: string, message: Message): DeadLetter {
  const own = v.safeParse(LetterSchema, message.body);
  if (own.success) return own.output;
  const queue = deadQueue.replace(/-dlq$/, "");
  const at = new Date(message.timestamp).toISOString();
  log("error", "message.dead", { queue, messageId: message.id, error: "retries exhausted" });
  return {
    id: message.id,
    queue,
    body: message.body,
    attempts: message.attempts,
    error: "retries exhausted",
    at,
  };
}
