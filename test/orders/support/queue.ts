/** What a message was told; exactly one of the two is called on each message. */
export interface Ended {
  acks: number;
  /** The delay of each `retry`. */
  retries: (number | undefined)[];
}

export interface FakeBatch {
  batch: MessageBatch;
  ended: Ended[];
}

interface Incoming {
  body: unknown;
  id?: string;
  attempts?: number;
  timestamp?: Date;
}

/** A batch made by hand, whose messages write down how they ended. */
export function batchOf(queue: string, messages: readonly Incoming[]): FakeBatch {
  const ended: Ended[] = messages.map(() => ({ acks: 0, retries: [] }));
  const batch: MessageBatch = {
    queue,
    metadata: { metrics: { backlogCount: 0, backlogBytes: 0 } },
    ackAll() {
      throw new Error("every message is ended singly");
    },
    retryAll() {
      throw new Error("every message is ended singly");
    },
    messages: messages.map(({ body, id, attempts = 1, timestamp = new Date(0) }, i) => ({
      id: id ?? `message-${i}`,
      timestamp,
      attempts,
      body,
      ack: () => {
        ended[i]!.acks++;
      },
      retry: (options?: QueueRetryOptions) => {
        ended[i]!.retries.push(options?.delaySeconds);
      },
    })),
  };
  return { batch, ended };
}

export const ACKED: Ended = { acks: 1, retries: [] };

export interface FakeQueue {
  queue: Queue;
  sent: { body: unknown; delaySeconds: number | undefined }[];
}

/** A queue that writes down what it was sent, or fails. */
export function fakeQueue({ fails = false } = {}): FakeQueue {
  const sent: FakeQueue["sent"] = [];
  const metadata = { metrics: { backlogCount: 0, backlogBytes: 0 } };
  const queue: Queue = {
    async metrics() {
      return metadata.metrics;
    },
    async send(body, options) {
      if (fails) throw new Error("Queue is overloaded");
      sent.push({ body, delaySeconds: options?.delaySeconds });
      return { metadata };
    },
    async sendBatch(messages) {
      if (fails) throw new Error("Queue is overloaded");
      for (const { body, delaySeconds } of messages) sent.push({ body, delaySeconds });
      return { metadata };
    },
  };
  return { queue, sent };
}
