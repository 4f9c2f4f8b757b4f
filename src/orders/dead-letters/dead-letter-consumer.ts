import { type DeadLetter, DeadLetterSchema } from "../../contract/dead-letter.ts";
import * as v from "valibot";
import { backoff_ms } from "../../runtime/backoff.ts";
import { log } from "../../runtime/log.ts";
import { unpack } from "../../contract/envelope.ts";
import { bisect } from "../database/bisect.ts";
import { storeDeadLetters } from "./dead-letters.sql.ts";

/** With `max_retries` 100 this outlives days without D1. */
const RETRY = { base_ms: 10_000, cap_ms: 1_800_000 };

/**
 * Consumes a dead-letter queue into D1: a message is acknowledged once all its letters are stored.
 * `source`: the queue whose messages the platform moves there. All letters of the batch are stored
 * at once; when that fails they are bisected, so that one which cannot be stored stops no other.
 */
export async function consumeDeadLetters(
  batch: MessageBatch,
  source: string,
  db: D1Database,
): Promise<void> {
  const parcels = batch.messages.map((message) => ({
    message,
    letters: toDeadLetters(source, message),
  }));
  const { failed } = await bisect(
    parcels.flatMap(({ letters }) => letters),
    (letters) => storeDeadLetters(db, letters),
  );
  for (const { message, letters } of parcels) {
    const unkept = letters.find((letter) => failed.has(letter));
    if (unkept) retry(batch.queue, message, failed.get(unkept) ?? "");
    else message.ack();
  }
}

function retry(queue: string, message: Message, error: string): void {
  const { id: messageId, attempts } = message;
  log("error", "dead_letter.unkept", { queue, messageId, attempts, error });
  message.retry({ delaySeconds: Math.ceil(backoff_ms(attempts, RETRY) / 1000) });
}

/** A packed message becomes a letter for each of its events, so that each can be replayed alone. */
function toDeadLetters(source: string, message: Message): DeadLetter[] {
  const { events } = unpack(message.body);
  const idOf = (part: number) => (events.length === 1 ? message.id : `${message.id}:${part}`);
  return events.map((body, part) => toDeadLetter(source, message, idOf(part), body));
}

/**
 * Our own letters say which queue they died in. What the platform moved here by itself comes as it
 * was sent, without its error, and its attempts start at 1.
 */
function toDeadLetter(source: string, message: Message, id: string, body: unknown): DeadLetter {
  const own = v.safeParse(DeadLetterSchema, body);
  if (own.success) return own.output;
  const error = "retries exhausted";
  log("error", "message.dead", { queue: source, messageId: message.id, error });
  const at = new Date(message.timestamp).toISOString();
  return { id, queue: source, body, attempts: message.attempts, error, at };
}
