import { describe, expect, test } from "vitest";
import { jsonBytes, pack, unpack } from "../../src/contract/envelope.ts";
import {
  MAX_EVENTS_PER_MESSAGE,
  MAX_MESSAGE_BYTES,
  MAX_MESSAGES_PER_SEND,
} from "../../src/contract/limits.ts";
import { sendPacked } from "../../src/runtime/queue-producer.ts";
import { envelope, type Note, NoteSchema, note } from "./contract-fixtures.ts";

const notes = (count: number, text = ""): Note[] =>
  Array.from({ length: count }, (_, n) => note(`${n}`, text));
const unpacked = (messages: unknown[]) => messages.flatMap((body) => unpack(body).events);
const sizes = (messages: unknown[]) => messages.map((body) => unpack(body).events.length);

describe("packing", () => {
  test("nothing makes no message", () => {
    expect(pack([])).toEqual([]);
  });

  test("a single event travels without an envelope", () => {
    expect(pack([note("1")])).toEqual([note("1")]);
  });

  test("a single event that was tried before travels with its attempts", () => {
    const [body] = pack([note("1")], 4);
    expect(unpack(body)).toMatchObject({ events: [note("1")], attempts: 4 });
  });

  test.each([
    [100, [100]],
    [101, [100, 1]],
    [250, [100, 100, 50]],
  ])("%i small events make messages of %o", (count, expected) => {
    const messages = pack(notes(count));
    expect(sizes(messages)).toEqual(expected);
    expect(unpacked(messages)).toEqual(notes(count));
  });

  test("events past the byte limit go into the next message, in order", () => {
    const long = notes(20, "x".repeat(7_000));
    const messages = pack(long);
    expect(sizes(messages)).toEqual([8, 8, 4]);
    expect(unpacked(messages)).toEqual(long);
  });

  test("size is counted in bytes of UTF-8, not in characters", () => {
    const long = notes(20, "€".repeat(7_000));
    const messages = pack(long);
    expect(sizes(messages)).toEqual([2, 2, 2, 2, 2, 2, 2, 2, 2, 2]);
    for (const body of messages) expect(jsonBytes(body)).toBeLessThan(64_000);
  });

  test("events of exactly the byte limit fill one message", () => {
    const half = MAX_MESSAGE_BYTES / 2;
    const of = (bytes: number) => note("1", "x".repeat(bytes - jsonBytes(note("1"))));
    expect(sizes(pack([of(half), of(half)]))).toEqual([2]);
    expect(sizes(pack([of(half), of(half + 1)]))).toEqual([1, 1]);
  });

  test("a message stays below the 64 KB that are billed as one operation", () => {
    for (const length of [300, 550, 590, 900, 5_000, 29_000, 59_000]) {
      for (const body of pack(notes(120, "x".repeat(length)), 3)) {
        expect(jsonBytes(body)).toBeLessThan(64_000);
      }
    }
  });

  test("an event that is too large by itself still goes, alone", () => {
    const huge = note("2", "x".repeat(70_000));
    expect(sizes(pack([note("1"), huge, note("3")]))).toEqual([1, 1, 1]);
  });
});

describe("unpacking", () => {
  test("gives an envelope's events and attempts", () => {
    expect(unpack(envelope([1, "two"], 3))).toMatchObject({ events: [1, "two"], attempts: 3 });
  });

  test.each([
    ["an event", note("1")],
    ["null", null],
    ["an envelope of another version", { ...envelope([1]), version: 2 }],
    ["an envelope without events", envelope([])],
    ["an envelope with too many events", envelope(Array(MAX_EVENTS_PER_MESSAGE + 1).fill(1))],
    ["an envelope with negative attempts", envelope([1], -1)],
    ["an envelope whose events are no list", { ...envelope([1]), events: "1" }],
  ])("takes %s as one event that is still to be decoded", (_, body) => {
    expect(unpack(body)).toEqual({ events: [body], attempts: 0 });
  });
});

describe("sending", () => {
  function queue(fail = false) {
    const calls: { body: unknown; delaySeconds?: number }[][] = [];
    const metadata = { metrics: { backlogCount: 0, backlogBytes: 0 } };
    const fake: Queue = {
      metrics: async () => metadata.metrics,
      send: async () => ({ metadata }),
      sendBatch: async (messages) => {
        calls.push([...messages] as (typeof calls)[number]);
        if (fail) throw new Error("queue is overloaded");
        return { metadata };
      },
    };
    return { fake, calls };
  }

  test("takes as few calls as the platform's limit on a call allows", async () => {
    const { fake, calls } = queue();
    await sendPacked(fake, NoteSchema, notes(MAX_EVENTS_PER_MESSAGE * MAX_MESSAGES_PER_SEND + 1));
    expect(calls.map((messages) => messages.length)).toEqual([MAX_MESSAGES_PER_SEND, 1]);
  });

  test("no call is larger than 256 KB", async () => {
    const { fake, calls } = queue();
    await sendPacked(fake, NoteSchema, notes(60, "x".repeat(19_500)));
    expect(calls.length).toBeGreaterThan(1);
    for (const messages of calls) expect(jsonBytes(messages)).toBeLessThan(256_000);
  });

  test("carries the delay and the attempts on every message", async () => {
    const { fake, calls } = queue();
    await sendPacked(fake, NoteSchema, notes(150), { attempts: 2, delaySeconds: 30 });
    expect(calls.flat().map(({ delaySeconds }) => delaySeconds)).toEqual([30, 30]);
    expect(calls.flat().map(({ body }) => unpack(body).attempts)).toEqual([2, 2]);
  });

  test("makes no call for nothing", async () => {
    const { fake, calls } = queue();
    await sendPacked(fake, NoteSchema, []);
    expect(calls).toEqual([]);
  });

  test("throws when a call throws", async () => {
    await expect(sendPacked(queue(true).fake, NoteSchema, notes(1))).rejects.toThrow(
      "queue is overloaded",
    );
  });
});
