import pMap from "p-map";
import * as v from "valibot";
import type { DeadLetter } from "../contract/dead-letter.ts";
import { unpack } from "../contract/envelope.ts";
import { MAX_DELIVERY_ATTEMPTS } from "../contract/limits.ts";
import { traceIdsIn } from "../contract/trace.ts";
import { backoff_ms } from "./backoff.ts";
import { errorText, log, traces } from "./log.ts";

export type Decoded<E> = { ok: true; event: E } | { ok: false; error: string };
/**
 * Why an event has no outcome yet. `postponed`: the handler had too much to do and did not try it.
 * Postponing costs no attempt, provided that the delivery made progress with another event.
 */
export type Delay = { type: "postponed" } | { type: "failed"; error: string };
/** The events that have no outcome yet. */
export type Undecided<E> = Map<E, Delay>;

export const POSTPONED: Delay = { type: "postponed" };
export const failedWith = (error: string): Delay => ({ type: "failed", error });
export const delayText = (delay: Delay): string =>
  delay.type === "failed" ? delay.error : delay.type;

export function decoderOf<S extends v.GenericSchema>(schema: S) {
  return (value: unknown): Decoded<v.InferOutput<S>> => {
    const result = v.safeParse(schema, value);
    if (result.success) return { ok: true, event: result.output };
    return { ok: false, error: `cannot be decoded: ${v.summarize(result.issues).slice(0, 400)}` };
  };
}

export interface Consumer<E> {
  decode(value: unknown): Decoded<E>;
  /** Makes every effect durable before it returns. If it throws, all events stay undecided. */
  handle(events: E[]): Promise<Undecided<E>>;
  resend(events: E[], options: { attempts: number; delaySeconds: number }): Promise<void>;
  storeDeadLetters(letters: DeadLetter[]): Promise<void>;
}

/** One delivered message and the events decoded from it. */
interface Delivery<E> {
  message: Message;
  attempts: number;
  events: E[];
  /** The index of each event in its message, which is part of its dead letter's id. */
  indexes: Map<E, number>;
  letters: DeadLetter[];
}

/** 2, 4, 8 … seconds, at most five minutes. */
const RETRY = { base_ms: 2_000, cap_ms: 300_000 };
/** Messages of a batch that are acknowledged or retried at the same time. */
const CONCURRENCY = 6;

/**
 * Consumes a batch. Each message ends in exactly one explicit `ack` or `retry`, and the `ack`
 * follows only when the message's effects are durable. Events are judged one by one: an event that
 * cannot be decoded becomes a dead letter, an undecided event is retried, and neither delays the
 * other events.
 */
export async function consume<E>(batch: MessageBatch, consumer: Consumer<E>): Promise<void> {
  const deliveries = batch.messages.map((message) => open(batch.queue, message, consumer));
  const events = deliveries.flatMap((delivery) => delivery.events);
  const undecided = await handleAll(events, consumer);
  const unsent = await resendPostponed(deliveries, undecided, consumer);
  const end = async (delivery: Delivery<E>): Promise<void> => {
    const error = unsent.get(delivery);
    if (error === undefined) await finish(batch.queue, delivery, undecided, consumer);
    else retry(batch.queue, delivery, error);
  };
  await pMap(deliveries, end, { concurrency: CONCURRENCY });
}

/** In seconds. The 12 retries of the configuration leave an hour to correct the configuration. */
const UNKNOWN_DELAY_S = 300;

/**
 * Retries a batch whose queue no var names. Consuming it as the batch of another queue would lose
 * its messages.
 */
export function retryUnknownQueue({ queue, messages }: MessageBatch): void {
  log("error", "queue.unrecognized", { queue, messages: messages.length });
  for (const message of messages) message.retry({ delaySeconds: UNKNOWN_DELAY_S });
}

function open<E>(queue: string, message: Message, consumer: Consumer<E>): Delivery<E> {
  const { events: values, attempts: earlierAttempts } = unpack(message.body);
  const attempts = earlierAttempts + message.attempts;
  const delivery: Delivery<E> = { message, attempts, events: [], indexes: new Map(), letters: [] };
  for (const [index, value] of values.entries()) {
    const decoded = consumer.decode(value);
    if (decoded.ok) {
      delivery.events.push(decoded.event);
      delivery.indexes.set(decoded.event, index);
    } else delivery.letters.push(deadLetter(queue, delivery, index, value, decoded.error));
  }
  return delivery;
}

async function handleAll<E>(events: E[], consumer: Consumer<E>): Promise<Undecided<E>> {
  if (events.length === 0) return new Map();
  const all = (error: string) => new Map(events.map((event) => [event, failedWith(error)]));
  try {
    const undecided = await consumer.handle(events);
    // Each delivery decides an event or costs an attempt. Otherwise postponing could go on for ever.
    const isIdle = events.every((event) => undecided.get(event)?.type === "postponed");
    return isIdle ? all("postponed, and the delivery made no progress") : undecided;
  } catch (error) {
    return all(errorText(error));
  }
}

/**
 * Sends postponed events again before their messages are acknowledged. The events of all messages
 * are packed together: with a message of its own for each, the next batches would keep growing.
 * Never throws: returns the messages whose events could not be sent, with the error.
 */
async function resendPostponed<E>(
  deliveries: readonly Delivery<E>[],
  undecided: Undecided<E>,
  consumer: Consumer<E>,
): Promise<Map<Delivery<E>, string>> {
  const postponedOf = ({ events }: Delivery<E>) =>
    events.filter((event) => undecided.get(event)?.type === "postponed");
  const postponed = deliveries.filter((delivery) => postponedOf(delivery).length > 0);
  const unsent = new Map<Delivery<E>, string>();
  // An envelope carries one count of attempts, so each count has envelopes of its own.
  for (const [attempts, group] of Map.groupBy(postponed, (delivery) => delivery.attempts)) {
    try {
      const options = { attempts: attempts - 1, delaySeconds: 0 };
      await consumer.resend(group.flatMap(postponedOf), options);
    } catch (error) {
      for (const delivery of group) unsent.set(delivery, errorText(error));
    }
  }
  return unsent;
}

async function finish<E>(
  queue: string,
  delivery: Delivery<E>,
  undecided: Undecided<E>,
  consumer: Consumer<E>,
): Promise<void> {
  const { message, attempts, events, indexes } = delivery;
  const errorOf = (event: E): string | null => {
    const delay = undecided.get(event);
    return delay?.type === "failed" ? delay.error : null;
  };
  const failed = events.filter((event) => errorOf(event) !== null);
  const isLastAttempt = attempts >= MAX_DELIVERY_ATTEMPTS;
  const toRetry = isLastAttempt ? [] : failed;
  const exhausted = (isLastAttempt ? failed : []).map((event) =>
    deadLetter(queue, delivery, indexes.get(event) ?? 0, event, errorOf(event) ?? ""),
  );
  const letters = [...delivery.letters, ...exhausted];
  const retriesAll = toRetry.length > 0 && toRetry.length === events.length && letters.length === 0;
  try {
    if (letters.length > 0) await consumer.storeDeadLetters(letters);
    if (retriesAll) return retry(queue, delivery, errorOf(events[0] as E) ?? "");
    // Sends only the events to retry: their decided neighbours would be handled twice.
    const delaySeconds = delaySecondsOf(delivery);
    if (toRetry.length > 0) await consumer.resend(toRetry, { attempts, delaySeconds });
    message.ack();
  } catch (error) {
    // Nothing was acknowledged: the platform delivers the message again, and effects are idempotent.
    retry(queue, delivery, errorText(error));
  }
}

const delaySecondsOf = <E>({ attempts }: Delivery<E>): number =>
  Math.ceil(backoff_ms(attempts, RETRY) / 1000);

function retry<E>(queue: string, delivery: Delivery<E>, error: string): void {
  const { message, attempts, events } = delivery;
  const delaySeconds = delaySecondsOf(delivery);
  const fields = { queue, messageId: message.id, attempts, delaySeconds, error };
  log("warn", "message.retried", { ...fields, ...traces(traceIdsIn(events)) });
  message.retry({ delaySeconds });
}

function deadLetter<E>(
  queue: string,
  { message, attempts }: Pick<Delivery<E>, "message" | "attempts">,
  part: number,
  body: unknown,
  error: string,
): DeadLetter {
  const fields = { queue, messageId: message.id, part, attempts, error };
  log("error", "message.dead_lettered", { ...fields, ...traces(traceIdsIn([body])) });
  const at = new Date(message.timestamp).toISOString();
  return { id: `${message.id}:${part}`, queue, body, attempts, error, at };
}
