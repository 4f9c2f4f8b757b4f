import { type Case, errorOf, type Platform } from "./platform.ts";
import type { Order } from "./probe.ts";

/** Sends what the consumer is to do, waits, and tells each delivery: `queue n/attempts`. */
async function deliveries(
  { queue, probe, sleep }: Platform,
  run: string,
  orders: Order["does"][],
  wait_ms = 4_500,
) {
  await queue.sendBatch(orders.map((does, n) => ({ body: { run, n, does } satisfies Order })));
  await sleep(wait_ms);
  const records = await probe(run).records();
  return records.map(({ queue: name, n, attempts }) => `${name} ${n}/${attempts}`).sort();
}

export const QUEUE_CASES: readonly Case[] = [
  {
    name: "what is acknowledged, or returned without a word, is delivered once",
    run: (platform, id) => deliveries(platform, id, [["ack"], []], 2_000),
    expected: ["conformance 0/1", "conformance 1/1"],
  },
  {
    name: "what is retried comes again, and then to the dead letters as a message anew",
    run: (platform, id) => deliveries(platform, id, [["retry"]], 7_000),
    expected: ["conformance 0/1", "conformance 0/2", "conformance 0/3", "conformance-dlq 0/1"],
  },
  {
    name: "a dead letter keeps its id",
    run: async (platform, id) => {
      await deliveries(platform, id, [["retry"]], 7_000);
      return new Set((await platform.probe(id).records()).map((record) => record.id)).size;
    },
    expected: 1,
  },
  {
    name: "a consumer that throws gets its batch again",
    run: (platform, id) => deliveries(platform, id, [["throw"]], 7_000),
    expected: ["conformance 0/1", "conformance 0/2", "conformance 0/3", "conformance-dlq 0/1"],
  },
  {
    name: "the first verdict counts",
    run: (platform, id) => deliveries(platform, id, [["ack", "retry"]], 3_000),
    expected: ["conformance 0/1"],
  },
  {
    name: "a retry waits as long as it says, not as long as the queue says",
    run: async (platform, id) => {
      await deliveries(platform, id, [["retry later"]], 3_000);
      const [first, second] = await platform.probe(id).records();
      const waited_ms = (second?.at_ms ?? 0) - (first?.at_ms ?? 0);
      return waited_ms >= 1_900 && waited_ms < 3_000;
    },
    expected: true,
  },
  {
    name: "a delayed message waits",
    run: async ({ queue, probe, sleep }, id) => {
      await queue.send({ run: id, n: 0, does: ["ack"] } satisfies Order, { delaySeconds: 2 });
      await sleep(1_000);
      const before = (await probe(id).records()).length;
      await sleep(2_500);
      return [before, (await probe(id).records()).length];
    },
    expected: [0, 1],
  },
  {
    name: "a hundred and one messages, or one that is too large, are refused",
    run: async ({ queue }, id) => {
      const body: Order = { run: id, n: 0, does: ["ack"] };
      const many = Array.from({ length: 101 }, () => ({ body }));
      const errors = [
        await errorOf(() => queue.sendBatch(many)),
        await errorOf(() => queue.send({ ...body, more: "x".repeat(130_000) })),
      ];
      return errors.map((error) => error !== "no error");
    },
    expected: [true, true],
  },
];
