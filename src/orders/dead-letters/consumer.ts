import * as v from "valibot";
import { backoff_ms } from "../../contract/backoff.ts";
import { type DeadLetter, DeadLetterSchema } from "../../contract/delivery.ts";
import { errorText, log } from "../../contract/log.ts";
import { unpack } from "../../contract/messages.ts";
import { keepLetters } from "./dead-letters.sql.ts";

/** With `max_retries` 100 this outlives days without D1. */
const RETRY = { base_ms: 10_000, cap_ms: 1_800_000 };

/** Consumes both dead-letter queues into D1: each message is stored, then acknowledged. */
export async function consumeDeadLetters(batch: MessageBatch, db: D1Database): Promise<void> {
  const letters = batch.messages.map((message) => lettersOf(batch.queue, message));
  try {
    await keepLetters(db, letters.flat());
    for (const message of batch.messages) message.ack();
  } catch {
    // One by one, so that a letter which cannot be stored stops no other.
    for (const [i, message] of batch.messages.entries()) {
      await keepAlone(db, batch.queue, message, letters[i] ?? []);
    }
  }
}

async function keepAlone(db: D1Database, queue: string, message: Message, letters: DeadLetter[]) {
  try {
    await keepLetters(db, letters);
    message.ack();
  } catch (error) {
    const { id: messageId, attempts } = message;
    log("error", "dead_letter.unkept", { queue, messageId, attempts, error: errorText(error) });
    message.retry({ delaySeconds: Math.ceil(backoff_ms(attempts, RETRY) / 1000) });
  }
}

/** A packed message becomes a letter for each of its events, so that each can be replayed alone. */
function lettersOf(deadQueue: string, message: Message): DeadLetter[] {
  const { events } = unpack(message.body);
  const idOf = (part: number) => (events.length === 1 ? message.id : `${message.id}:${part}`);
  return events.map((body, part) => letterOf(deadQueue, message, idOf(part), body));
}

/** What the platform moved here by itself comes without its error, and its attempts start at 1. */
function letterOf(deadQueue: string, message: Message, id: string, body: unknown): DeadLetter {
  const own = v.safeParse(DeadLetterSchema, body);
  if (own.success) return own.output;
  const queue = deadQueue.replace(/-dlq$/, "");
  const error = "retries exhausted";
  log("error", "message.dead", { queue, messageId: message.id, error });
  const at = new Date(message.timestamp).toISOString();
  return { id, queue, body, attempts: message.attempts, error, at };
}
