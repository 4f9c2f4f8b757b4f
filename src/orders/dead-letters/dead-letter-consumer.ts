import * as v from "valibot";
import { type DeadLetter, DeadLetterSchema } from "../../contract/dead-letter.ts";
import { unpack } from "../../contract/envelope.ts";
import { backoff_ms } from "../../runtime/backoff.ts";
import { log } from "../../runtime/log.ts";
import { bisect } from "../database/bisect.ts";
import { storeDeadLetters } from "./dead-letters.sql.ts";

/** With `max_retries` 100 the messages survive days without D1. */
const RETRY = { base_ms: 10_000, cap_ms: 1_800_000 };

/**
 * Stores the messages of a dead-letter queue in D1 and acknowledges each message once all its dead
 * letters are stored. `source` is the queue from which the platform moves messages there. All dead
 * letters of a batch are stored together; if that fails, they are bisected, so that one that cannot
 * be stored does not block the others.
 */
export async function consumeDeadLetters(
  batch: MessageBatch,
  source: string,
  db: D1Database,
): Promise<void> {
  const deliveries = batch.messages.map((message) => ({
    message,
    letters: toDeadLetters(source, message),
  }));
  const { failed } = await bisect(
    deliveries.flatMap(({ letters }) => letters),
    (letters) => storeDeadLetters(db, letters),
  );
  for (const { message, letters } of deliveries) {
    const unstored = letters.find((letter) => failed.has(letter));
    if (unstored) retry(batch.queue, message, failed.get(unstored) ?? "");
    else message.ack();
  }
}

function retry(queue: string, message: Message, error: string): void {
  const { id: messageId, attempts } = message;
  log("error", "dead_letter.store_failed", { queue, messageId, attempts, error });
  message.retry({ delaySeconds: Math.ceil(backoff_ms(attempts, RETRY) / 1000) });
}

/** Makes one dead letter of each event in a packed message, so that each can be replayed alone. */
function toDeadLetters(source: string, message: Message): DeadLetter[] {
  const { events } = unpack(message.body);
  const idOf = (part: number) => (events.length === 1 ? message.id : `${message.id}:${part}`);
  return events.map((body, part) => toDeadLetter(source, message, idOf(part), body));
}

/**
 * A dead letter that our consumers sent names its queue and its error. A message that the platform
 * moved here arrives as it was first sent, without its error, and its attempts count from 1 again.
 */
function toDeadLetter(source: string, message: Message, id: string, body: unknown): DeadLetter {
  const own = v.safeParse(DeadLetterSchema, body);
  if (own.success) return own.output;
  const error = "retries exhausted";
  log("error", "message.dead_lettered", { queue: source, messageId: message.id, error });
  const at = new Date(message.timestamp).toISOString();
  return { id, queue: source, body, attempts: message.attempts, error, at };
}
