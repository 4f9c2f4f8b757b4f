import * as v from "valibot";
import { backoff_ms } from "../../contract/backoff.ts";
import { type DeadLetter, DeadLetterSchema } from "../../contract/delivery.ts";
import { errorText, log } from "../../contract/log.ts";
import { keepLetters } from "./dead-letters.sql.ts";

/** With `max_retries` 100 this outlives days without D1. */
const RETRY = { base_ms: 10_000, cap_ms: 1_800_000 };

/** Consumes both dead-letter queues into D1: each message is stored, then acknowledged. */
export async function consumeDeadLetters(batch: MessageBatch, db: D1Database): Promise<void> {
  const letters = batch.messages.map((message) => letterOf(batch.queue, message));
  try {
    await keepLetters(db, letters);
    for (const message of batch.messages) message.ack();
  } catch {
    // One by one, so that a letter which cannot be stored stops no other.
    for (const [i, message] of batch.messages.entries()) {
      await keepOne(db, batch.queue, message, letters.slice(i, i + 1));
    }
  }
}

async function keepOne(db: D1Database, queue: string, message: Message, letter: DeadLetter[]) {
  try {
    await keepLetters(db, letter);
    message.ack();
  } catch (error) {
    const { id: messageId, attempts } = message;
    log("error", "dead_letter.unkept", { queue, messageId, attempts, error: errorText(error) });
    message.retry({ delaySeconds: Math.ceil(backoff_ms(attempts, RETRY) / 1000) });
  }
}

/** What the platform moved here by itself comes without its error, and its attempts start at 1. */
function letterOf(deadQueue: string, message: Message): DeadLetter {
  const own = v.safeParse(DeadLetterSchema, message.body);
  if (own.success) return own.output;
  const queue = deadQueue.replace(/-dlq$/, "");
  const { id, body, attempts } = message;
  const error = "retries exhausted";
  log("error", "message.dead", { queue, messageId: id, error });
  return { id, queue, body, attempts, error, at: new Date(message.timestamp).toISOString() };
}
