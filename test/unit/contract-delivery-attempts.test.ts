import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { MAX_DELIVERY_ATTEMPTS } from "../../src/contract/limits.ts";
import { consume } from "../../src/runtime/queue-consumer.ts";
import {
  batchOf,
  consumer,
  envelope,
  type FakeMessage,
  message,
  note,
  throwing,
  undecided,
} from "./contract-fixtures.ts";

const ACKED = [{ ack: true }];
const RETRIED = [{ retry: expect.any(Number) as number }];

beforeEach(() => {
  for (const level of ["info", "warn", "error"] as const) {
    vi.spyOn(console, level).mockImplementation(() => {});
  }
});
afterEach(() => vi.restoreAllMocks());

const delayOf = ({ calls }: FakeMessage): number | undefined =>
  calls[0] && "retry" in calls[0] ? calls[0].retry : undefined;

describe("when the attempts are used up", () => {
  test("an undecided event becomes a dead letter with its last error", async () => {
    const spent = message("m", note("1"), MAX_DELIVERY_ATTEMPTS);
    const it = consumer({ handle: undecided("1") });
    await consume(batchOf(spent), it);
    expect(spent.calls).toEqual(ACKED);
    expect(it.kept).toMatchObject([
      { body: note("1"), attempts: MAX_DELIVERY_ATTEMPTS, error: "no 1" },
    ]);
  });

  test("an event dies of the error that handling threw", async () => {
    const spent = message("m", note("1"), MAX_DELIVERY_ATTEMPTS);
    const it = consumer({ handle: throwing("storage is away") });
    await consume(batchOf(spent), it);
    expect(it.kept.map(({ error }) => error)).toEqual(["Error: storage is away"]);
  });

  test("one attempt before that it is still retried", async () => {
    const last = message("m", note("1"), MAX_DELIVERY_ATTEMPTS - 1);
    await consume(batchOf(last), consumer({ handle: undecided("1") }));
    expect(last.calls).toEqual(RETRIED);
  });

  test("attempts of an earlier envelope count, and every letter has an id of its own", async () => {
    const spent = message("m", envelope([1, note("1"), note("2"), note("3")], 8), 2);
    const it = consumer({ handle: undecided("1", "3") });
    await consume(batchOf(spent), it);
    expect(spent.calls).toEqual(ACKED);
    expect(it.kept.map(({ body }) => body)).toEqual([1, note("1"), note("3")]);
    expect(new Set(it.kept.map(({ id }) => id)).size).toBe(3);
    expect(it.resent).toEqual([]);
  });
});

describe("the delay", () => {
  test.each([
    [1, 1, 2],
    [2, 2, 4],
    [5, 16, 32],
    [8, 128, 256],
    [9, 150, 300],
  ])("at attempt %i is between %i and %i seconds, with jitter", async (attempts, least, most) => {
    const seen = new Set<number | undefined>();
    for (const random of [0, 0.999_999]) {
      vi.spyOn(Math, "random").mockReturnValue(random);
      const open = message("m", note("1"), attempts);
      await consume(batchOf(open), consumer({ handle: undecided("1") }));
      seen.add(delayOf(open));
    }
    expect([...seen]).toEqual([least, most]);
  });

  test("of events sent again follows the attempts that they carry", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0);
    const it = consumer({ handle: undecided("1") });
    await consume(batchOf(message("m", envelope([note("1"), note("2")], 4), 1)), it);
    expect(it.resent).toEqual([{ ids: ["1"], attempts: 5, delaySeconds: 16 }]);
  });
});
