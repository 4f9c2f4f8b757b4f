import { type ActiveTime, tally } from "./counts.ts";

/** An operation is a write, a read or a delete of 64 KB begun; a KB is 1,000 bytes (Queues pricing). */
const CHUNK_BYTES = 64_000;
const METADATA_BYTES = 100;

const utf8 = new TextEncoder();
const chunksOf = (body: unknown): number => {
  const bytes = utf8.encode(JSON.stringify(body)).byteLength + METADATA_BYTES;
  return Math.ceil(bytes / CHUNK_BYTES);
};

/** A packed message holds many events; one that is not packed is one. */
const eventsIn = (body: unknown): unknown[] =>
  typeof body === "object" && body !== null && "events" in body && Array.isArray(body.events)
    ? body.events
    : [body];

const isLevel = (event: unknown): boolean =>
  typeof event === "object" && event !== null && "type" in event && event.type === "stock.level";

/** The queue with its writes counted. */
export function meteredQueue(target: Queue, who: string, active?: ActiveTime): Queue {
  const written = (bodies: Iterable<unknown>): void => {
    for (const body of bodies) {
      tally("queue.writes", who, chunksOf(body));
      tally("queue.messages", who);
      tally("queue.events", who, eventsIn(body).length);
    }
  };
  const timed = <T>(work: () => Promise<T>) => (active ? active.during(work) : work());
  return {
    metrics: () => target.metrics(),
    send(body, options) {
      written([body]);
      return timed(() => target.send(body, options));
    },
    sendBatch(messages, options) {
      const all = [...messages];
      written(all.map(({ body }) => body));
      return timed(() => target.sendBatch(all, options));
    },
  };
}

/** The batch with its reads and deletes counted. */
export function meteredBatch(batch: MessageBatch): MessageBatch {
  const { queue, metadata } = batch;
  const messages = batch.messages.map((message): Message => {
    const { id, timestamp, body, attempts } = message;
    const chunks = chunksOf(body);
    tally("queue.reads", queue, chunks);
    const events = eventsIn(body);
    tally("consumer.events", queue, events.length);
    tally("consumer.levels", queue, events.filter(isLevel).length);
    const ack = () => {
      tally("queue.deletes", queue, chunks);
      message.ack();
    };
    return { id, timestamp, body, attempts, ack, retry: (options) => message.retry(options) };
  });
  return {
    queue,
    metadata,
    messages,
    ackAll: () => messages.forEach((message) => message.ack()),
    retryAll: (options) => batch.retryAll(options),
  };
}
