import type { DeadLetter } from "../contract/dead-letter.ts";
import pMap from "p-map";
import * as v from "valibot";
import { backoff_ms } from "./backoff.ts";
import { MAX_DELIVERY_ATTEMPTS } from "../contract/limits.ts";
import { errorText, log } from "./log.ts";
import { unpack } from "../contract/envelope.ts";

export type Decoded<E> = { ok: true; event: E } | { ok: false; error: string };
/**
 * Why an event has no outcome yet. `postponed`: it was not tried, because there was too much to do;
 * that costs it no attempt, as long as the delivery has made progress with another event.
 */
export type Delay = { type: "postponed" } | { type: "failed"; error: string };
/** The events that have no outcome yet. */
export type Undecided<E> = Map<E, Delay>;

export const POSTPONED: Delay = { type: "postponed" };
export const failedWith = (error: string): Delay => ({ type: "failed", error });
export const delayText = (delay: Delay): string =>
  delay.type === "failed" ? delay.error : delay.type;

/** The decoder that a schema makes. */
export function decoderOf<S extends v.GenericSchema>(schema: S) {
  return (value: unknown): Decoded<v.InferOutput<S>> => {
    const result = v.safeParse(schema, value);
    if (result.success) return { ok: true, event: result.output };
    return { ok: false, error: `cannot be decoded: ${v.summarize(result.issues).slice(0, 400)}` };
  };
}

export interface Consumer<E> {
  decode(value: unknown): Decoded<E>;
  /** Makes every effect durable before it returns. A throw leaves all events undecided. */
  handle(events: E[]): Promise<Undecided<E>>;
  resend(events: E[], options: { attempts: number; delaySeconds: number }): Promise<void>;
  storeDeadLetters(letters: DeadLetter[]): Promise<void>;
}

interface Delivery<E> {
  message: Message;
  attempts: number;
  events: E[];
  /** Where each event stands in its message: the part of a letter's id. */
  indexes: Map<E, number>;
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
  const unsent = await resendPostponed(parcels, undecided, consumer);
  const end = async (parcel: Delivery<E>): Promise<void> => {
    const error = unsent.get(parcel);
    if (error === undefined) await conclude(batch.queue, parcel, undecided, consumer);
    else retry(batch.queue, parcel, error);
  };
  await pMap(parcels, end, { concurrency: CONCURRENCY });
}

/** Seconds: with the 12 retries of the configuration an hour, in which the configuration can be mended. */
const UNKNOWN_DELAY_S = 300;

/** A batch of a queue that no var names waits: consumed as another queue's it would be lost. */
export function retryUnknownQueue({ queue, messages }: MessageBatch): void {
  log("error", "queue.unrecognized", { queue, messages: messages.length });
  for (const message of messages) message.retry({ delaySeconds: UNKNOWN_DELAY_S });
}

function open<E>(queue: string, message: Message, consumer: Consumer<E>): Delivery<E> {
  const { events: values, attempts: before } = unpack(message.body);
  const attempts = before + message.attempts;
  const parcel: Delivery<E> = {
    message,
    attempts,
    events: [],
    indexes: new Map(),
    letters: [],
  };
  for (const [index, value] of values.entries()) {
    const decoded = consumer.decode(value);
    if (decoded.ok) {
      parcel.events.push(decoded.event);
      parcel.indexes.set(decoded.event, index);
    } else parcel.letters.push(letter(queue, parcel, index, value, decoded.error));
  }
  return parcel;
}

async function handleAll<E>(events: E[], consumer: Consumer<E>): Promise<Undecided<E>> {
  if (events.length === 0) return new Map();
  const all = (error: string) => new Map(events.map((event) => [event, failedWith(error)]));
  try {
    const undecided = await consumer.handle(events);
    // Else postponing could go on for ever: each delivery decides something or costs an attempt.
    const isIdle = events.every((event) => undecided.get(event)?.type === "postponed");
    return isIdle ? all("postponed, though nothing else was done") : undecided;
  } catch (error) {
    return all(errorText(error));
  }
}

/**
 * Sends what was postponed again before its messages are acknowledged: packed over all messages of
 * the batch, since one message each would make the next batches ever longer. Never throws: answers
 * with the messages whose part could not be sent, and the error.
 */
async function resendPostponed<E>(
  parcels: readonly Delivery<E>[],
  undecided: Undecided<E>,
  consumer: Consumer<E>,
): Promise<Map<Delivery<E>, string>> {
  const postponedOf = ({ events }: Delivery<E>) =>
    events.filter((event) => undecided.get(event)?.type === "postponed");
  const some = parcels.filter((parcel) => postponedOf(parcel).length > 0);
  const unsent = new Map<Delivery<E>, string>();
  // An envelope has one count of attempts.
  for (const [attempts, group] of Map.groupBy(some, (parcel) => parcel.attempts)) {
    try {
      const options = { attempts: attempts - 1, delaySeconds: 0 };
      await consumer.resend(group.flatMap(postponedOf), options);
    } catch (error) {
      for (const parcel of group) unsent.set(parcel, errorText(error));
    }
  }
  return unsent;
}

async function conclude<E>(
  queue: string,
  parcel: Delivery<E>,
  undecided: Undecided<E>,
  consumer: Consumer<E>,
): Promise<void> {
  const { message, attempts, events, indexes } = parcel;
  const errorOf = (event: E): string | null => {
    const delay = undecided.get(event);
    return delay?.type === "failed" ? delay.error : null;
  };
  const failed = events.filter((event) => errorOf(event) !== null);
  const isSpent = attempts >= MAX_DELIVERY_ATTEMPTS;
  const again = isSpent ? [] : failed;
  const letters = [
    ...parcel.letters,
    ...(isSpent ? failed : []).map((event) =>
      letter(queue, parcel, indexes.get(event) ?? 0, event, errorOf(event) ?? ""),
    ),
  ];
  const isWhole = again.length > 0 && again.length === events.length && letters.length === 0;
  try {
    if (letters.length > 0) await consumer.storeDeadLetters(letters);
    if (isWhole) return retry(queue, parcel, errorOf(events[0] as E) ?? "");
    // What is left of a packed message goes on alone, so its decided events are not done again.
    const delaySeconds = delaySecondsOf(parcel);
    if (again.length > 0) await consumer.resend(again, { attempts, delaySeconds });
    message.ack();
  } catch (error) {
    // Nothing was acknowledged: the whole message comes again, and every effect is idempotent.
    retry(queue, parcel, errorText(error));
  }
}

const delaySecondsOf = <E>({ attempts }: Delivery<E>): number =>
  Math.ceil(backoff_ms(attempts, RETRY) / 1000);

function retry<E>(queue: string, parcel: Delivery<E>, error: string): void {
  const { message, attempts } = parcel;
  const delaySeconds = delaySecondsOf(parcel);
  log("warn", "message.retried", { queue, messageId: message.id, attempts, delaySeconds, error });
  message.retry({ delaySeconds });
}

function letter<E>(
  queue: string,
  { message, attempts }: Pick<Delivery<E>, "message" | "attempts">,
  part: number,
  body: unknown,
  error: string,
): DeadLetter {
  log("error", "message.dead_lettered", { queue, messageId: message.id, part, attempts, error });
  const at = new Date(message.timestamp).toISOString();
  return { id: `${message.id}:${part}`, queue, body, attempts, error, at };
}
