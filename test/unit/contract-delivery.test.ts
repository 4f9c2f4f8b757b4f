import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { MAX_DELIVERY_ATTEMPTS } from "../../src/contract/limits.ts";
import { consume, type Consumer, POSTPONED } from "../../src/runtime/queue-consumer.ts";
import {
  ackAll,
  batchOf,
  consumer,
  envelope,
  message,
  type Note,
  note,
  retryAll,
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

describe("a message with one event", () => {
  test("is acknowledged once it is handled", async () => {
    const good = message("m", note("1"));
    const it = consumer();
    await consume(batchOf(good), it);
    expect(good.calls).toEqual(ACKED);
    expect(it.handled).toEqual(["1"]);
  });

  test("is not acknowledged before its effects are durable", async () => {
    const good = message("m", note("1"));
    let finish = (): void => {};
    const durable = new Promise<void>((resolve) => (finish = resolve));
    const done = consume(
      batchOf(good),
      consumer({ handle: async () => (await durable, new Map()) }),
    );
    await new Promise((resolve) => setImmediate(resolve));
    expect(good.calls).toEqual([]);
    finish();
    await done;
    expect(good.calls).toEqual(ACKED);
  });

  test("is retried when it stays undecided, and not sent again", async () => {
    const open = message("m", note("1"));
    const it = consumer({ handle: undecided("1") });
    await consume(batchOf(open), it);
    expect(open.calls).toEqual(RETRIED);
    expect(it.resent).toEqual([]);
    expect(it.kept).toEqual([]);
  });

  test.each([
    ["null", null],
    ["a text", "notes"],
    ["an unknown shape", { type: "mystery" }],
    ["an envelope of an unknown version", { ...envelope([note("1")]), version: 2 }],
    ["an empty envelope", envelope([])],
    ["an envelope of more than 100 events", envelope(Array(101).fill(note("1")))],
  ])("becomes a dead letter at once and is acknowledged when it is %s", async (_, body) => {
    const bad = message("m", body, 3);
    const it = consumer();
    await consume(batchOf(bad), it);
    expect(bad.calls).toEqual(ACKED);
    expect(it.kept).toEqual([
      {
        id: "m:0",
        queue: "notes",
        body,
        attempts: 3,
        error: "not a note",
        at: "2026-01-01T00:00:00.000Z",
      },
    ]);
    expect(it.handled).toEqual([]);
  });
});

describe("neighbours", () => {
  test("invariant 7: a bad, an undecided and a good message each end in their own way", async () => {
    const [bad, open, good] = [
      message("bad", 1),
      message("open", note("1")),
      message("good", note("2")),
    ];
    const it = consumer({ handle: undecided("1") });
    await consume(batchOf(bad, open, good), it);
    expect([bad.calls, open.calls, good.calls]).toEqual([ACKED, RETRIED, ACKED]);
  });

  test("all are retried when handling throws, and bad ones are still kept", async () => {
    const [bad, first, second] = [
      message("bad", 1),
      message("1", note("1")),
      message("2", note("2")),
    ];
    const it = consumer({ handle: throwing("storage is away") });
    await consume(batchOf(bad, first, second), it);
    expect([bad.calls, first.calls, second.calls]).toEqual([ACKED, RETRIED, RETRIED]);
    expect(it.kept.map(({ id }) => id)).toEqual(["bad:0"]);
  });

  test("the batch as a whole is neither acknowledged nor retried", async () => {
    await consume(batchOf(message("1", note("1")), message("2", 2)), consumer());
    expect(ackAll).not.toHaveBeenCalled();
    expect(retryAll).not.toHaveBeenCalled();
  });

  test("handling is one call for all messages, and none when nothing can be decoded", async () => {
    const calls: number[] = [];
    const it = consumer({ handle: async ({ length }) => (calls.push(length), new Map()) });
    await consume(
      batchOf(message("1", note("1")), message("2", envelope([note("2"), note("3")]))),
      it,
    );
    await consume(batchOf(message("1", 1)), it);
    expect(calls).toEqual([3]);
  });
});

describe("a packed message", () => {
  const packed = (attempts = 1, before = 0) =>
    message("m", envelope([note("1"), note("2"), note("3")], before), attempts);

  test("is acknowledged after its undecided events were sent again with their attempts", async () => {
    const it = consumer({ handle: undecided("1", "3") });
    const parcel = packed(2, 3);
    await consume(batchOf(parcel), it);
    expect(it.resent).toEqual([
      { ids: ["1", "3"], attempts: 5, delaySeconds: expect.any(Number) as number },
    ]);
    expect(parcel.calls).toEqual(ACKED);
  });

  test("invariant 7: is retried whole when sending again throws", async () => {
    const parcel = packed();
    await consume(
      batchOf(parcel),
      consumer({ handle: undecided("1"), resend: throwing("queue is overloaded") }),
    );
    expect(parcel.calls).toEqual(RETRIED);
  });

  test("is retried, not sent again, when all of it stays undecided", async () => {
    const it = consumer({ handle: undecided("1", "2", "3") });
    const parcel = packed();
    await consume(batchOf(parcel), it);
    expect(it.resent).toEqual([]);
    expect(parcel.calls).toEqual(RETRIED);
  });

  test("keeps its bad events, handles its good ones and sends the undecided again", async () => {
    const parcel = message("m", envelope([1, note("2"), { odd: true }, note("4")]));
    const it = consumer({ handle: undecided("4") });
    await consume(batchOf(parcel), it);
    expect(it.kept.map(({ id, body }) => [id, body])).toEqual([
      ["m:0", 1],
      ["m:2", { odd: true }],
    ]);
    expect(it.resent.map(({ ids }) => ids)).toEqual([["4"]]);
    expect(parcel.calls).toEqual(ACKED);
  });

  test("sends its only good event again when a bad one stood beside it", async () => {
    const parcel = message("m", envelope([1, note("2")]));
    const it = consumer({ handle: undecided("2") });
    await consume(batchOf(parcel), it);
    expect(it.kept).toHaveLength(1);
    expect(it.resent.map(({ ids }) => ids)).toEqual([["2"]]);
    expect(parcel.calls).toEqual(ACKED);
  });
});

describe("when keeping a dead letter throws", () => {
  test.each([
    ["bad", message("m", 1)],
    ["partly bad", message("m", envelope([1, note("1")]))],
    ["spent", message("m", note("open"), MAX_DELIVERY_ATTEMPTS)],
  ])("invariant 7: a %s message is retried", async (_, parcel) => {
    const it = consumer({ storeDeadLetters: throwing("queue is away"), handle: undecided("open") });
    await consume(batchOf(parcel), it);
    expect(parcel.calls).toEqual(RETRIED);
    expect(it.resent).toEqual([]);
  });
});

describe("postponed events", () => {
  const postponing =
    (...ids: string[]): Consumer<Note>["handle"] =>
    async (events) =>
      new Map(events.filter(({ id }) => ids.includes(id)).map((event) => [event, POSTPONED]));
  const packed = (id: string, ...ids: string[]) =>
    message(id, envelope(ids.map((own) => note(own))), 3);

  test("of all messages are sent again together, at once, and cost no attempt", async () => {
    const messages = [packed("m1", "1", "2"), packed("m2", "3", "4"), packed("m3", "5")];
    const it = consumer({ handle: postponing("2", "3", "4", "5") });
    await consume(batchOf(...messages), it);
    expect(it.resent).toEqual([{ ids: ["2", "3", "4", "5"], attempts: 2, delaySeconds: 0 }]);
    expect(messages.map(({ calls }) => calls)).toEqual([ACKED, ACKED, ACKED]);
  });

  test("keep the attempts that their own message has behind it", async () => {
    const messages = [packed("m1", "1"), packed("m2", "2"), message("m3", note("3"), 1)];
    messages[1] = message("m2", envelope([note("2")], 4), 1);
    const it = consumer({ handle: postponing("2", "3") });
    await consume(batchOf(...messages), it);
    expect(it.resent).toEqual([
      { ids: ["2"], attempts: 4, delaySeconds: 0 },
      { ids: ["3"], attempts: 0, delaySeconds: 0 },
    ]);
  });

  test("cost an attempt when nothing else was decided: postponing ends", async () => {
    const open = message("m", note("1"), 3);
    const it = consumer({ handle: postponing("1") });
    await consume(batchOf(open), it);
    expect([open.calls, it.resent]).toEqual([RETRIED, []]);
    const spent = message("m", note("1"), MAX_DELIVERY_ATTEMPTS);
    await consume(batchOf(spent), it);
    expect(spent.calls).toEqual(ACKED);
    expect(it.kept).toMatchObject([{ error: "postponed, and the delivery made no progress" }]);
  });

  test("invariant 7: that cannot be sent again leave their messages to be retried", async () => {
    const messages = [packed("m1", "1", "2"), packed("m2", "3"), packed("m3", "4")];
    const resend = throwing("queue is overloaded");
    await consume(batchOf(...messages), consumer({ handle: postponing("2", "4"), resend }));
    expect(messages.map(({ calls }) => calls)).toEqual([RETRIED, ACKED, RETRIED]);
  });
});
