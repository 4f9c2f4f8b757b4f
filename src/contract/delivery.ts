import pMap from "p-map";
import { backoff_ms } from "./backoff.ts";
import { MAX_DELIVERY_ATTEMPTS } from "./limits.ts";
import { errorText, log } from "./log.ts";
import { unpack } from "./messages.ts";

/** A message, or one event of it, that is kept for an operator to look at. */
export interface DeadLetter {
  id: string;
  queue: string;
  body: unknown;
  attempts: number;
  error: string;
  at: string;
}

export type Decoded<E> = { ok: true; event: E } | { ok: false; error: string };
/** The events that have no outcome yet, each with the reason. */
export type Undecided<E> = Map<E, string>;

export interface Consumer<E> {
  decode(value: unknown): Decoded<E>;
  /** Makes every effect durable before it returns. A throw leaves all events undecided. */
  handle(events: E[]): Promise<Undecided<E>>;
  resend(events: E[], options: { attempts: number; delaySeconds: number }): Promise<void>;
  keep(letters: DeadLetter[]): Promise<void>;
}

interface Parcel<E> {
  message: Message;
  attempts: number;
  events: E[];
  letters: DeadLetter[];
}

/** 2, 4, 8 … seconds, at most five minutes. */
const RETRY = { base_ms: 2_000, cap_ms: 300_000 };
/** Messages of a batch concluded at the same time. */
const CONCURRENCY = 6;

/**
 * Consumes a batch so that every message ends in exactly one explicit `ack` or `retry`, the `ack`
 * only after its effects are durable. Events are judged singly: a bad one becomes a dead letter, an
 * undecided one is retried, and neither stops its neighbours.
 */
export async function consume<E>(batch: MessageBatch, consumer: Consumer<E>): Promise<void> {
  const parcels = batch.messages.map((message) => open(batch.queue, message, consumer));
  const undecided = await handleAll(
    parcels.flatMap((parcel) => parcel.events),
    consumer,
  );
  await pMap(parcels, (parcel) => conclude(batch.queue, parcel, undecided, consumer), {
    concurrency: CONCURRENCY,
  });
}

function open<E>(queue: string, message: Message, consumer: Consumer<E>): Parcel<E> {
  const { events: values, attempts: before } = unpack(message.body);
  const parcel: Parcel<E> = {
    message,
    attempts: before + message.attempts,
    events: [],
    letters: [],
  };
  for (const [index, value] of values.entries()) {
    const decoded = consumer.decode(value);
    if (decoded.ok) parcel.events.push(decoded.event);
    else parcel.letters.push(letter(queue, parcel, `${index}`, value, decoded.error));
  }
  return parcel;
}

async function handleAll<E>(events: E[], consumer: Consumer<E>): Promise<Undecided<E>> {
  if (events.length === 0) return new Map();
  try {
    return await consumer.handle(events);
  } catch (error) {
    return new Map(events.map((event) => [event, errorText(error)]));
  }
}

async function conclude<E>(
  queue: string,
  parcel: Parcel<E>,
  undecided: Undecided<E>,
  consumer: Consumer<E>,
): Promise<void> {
  const { message, attempts } = parcel;
  const open = parcel.events.filter((event) => undecided.has(event));
  const spent = attempts >= MAX_DELIVERY_ATTEMPTS;
  const letters = [
    ...parcel.letters,
    ...(spent ? open.map((e, i) => letter(queue, parcel, `u${i}`, e, undecided.get(e) ?? "")) : []),
  ];
  const again = spent ? [] : open;
  const delaySeconds = Math.ceil(backoff_ms(attempts, RETRY) / 1000);
  try {
    if (letters.length > 0) await consumer.keep(letters);
    // What is left of a packed message goes on alone, so its decided events are not done again.
    const isRemainder = again.length > 0 && again.length < parcel.events.length + letters.length;
    if (isRemainder) await consumer.resend(again, { attempts, delaySeconds });
    if (again.length === 0 || isRemainder) return message.ack();
    retry(queue, parcel, delaySeconds, undecided.get(again[0] as E) ?? "");
  } catch (error) {
    // Nothing was acknowledged: the whole message comes again, and every effect is idempotent.
    retry(queue, parcel, delaySeconds, errorText(error));
  }
}

function retry<E>(queue: string, parcel: Parcel<E>, delaySeconds: number, error: string): void {
  const { message, attempts } = parcel;
  log("warn", "message.retried", { queue, messageId: message.id, attempts, delaySeconds, error });
  message.retry({ delaySeconds });
}

function letter<E>(
  queue: string,
  { message, attempts }: Pick<Parcel<E>, "message" | "attempts">,
  part: string,
  body: unknown,
  error: string,
): DeadLetter {
  log("error", "message.dead", { queue, messageId: message.id, part, attempts, error });
  const at = new Date(message.timestamp).toISOString();
  return { id: `${message.id}:${part}`, queue, body, attempts, error, at };
}
