import * as v from "valibot";
import { vi } from "vitest";
import type { DeadLetter } from "../../src/contract/dead-letter.ts";
import type { Consumer } from "../../src/runtime/queue-consumer.ts";

export interface Note {
  id: string;
  at: string;
  text: string;
}

export const NoteSchema = v.object({ id: v.string(), at: v.string(), text: v.string() });

export const note = (id: string, text = ""): Note => ({ id, at: "2026-01-01T00:00:00.000Z", text });

/** A queue message that keeps what was called on it, in order. */
export function message(id: string, body: unknown, attempts = 1) {
  const calls: ({ ack: true } | { retry: number | undefined })[] = [];
  const fake: Message = {
    id,
    timestamp: new Date("2026-01-01T00:00:00Z"),
    body,
    attempts,
    ack: () => void calls.push({ ack: true }),
    retry: (options) => void calls.push({ retry: options?.delaySeconds }),
  };
  return { ...fake, calls };
}

export type FakeMessage = ReturnType<typeof message>;

export const ackAll = vi.fn<() => void>();
export const retryAll = vi.fn<() => void>();

export function batchOf(...messages: FakeMessage[]): MessageBatch {
  const metadata = { metrics: { backlogCount: 0, backlogBytes: 0 } };
  return { queue: "notes", messages, metadata, ackAll, retryAll };
}

export const envelope = (events: unknown[], attempts = 0) => ({
  type: "batch",
  version: 1,
  id: "batch:1",
  at: "2026-01-01T00:00:00.000Z",
  attempts,
  events,
});

/** A consumer that decodes notes and decides everything, with each step replaceable. */
export function consumer(given: Partial<Consumer<Note>> = {}) {
  const kept: DeadLetter[] = [];
  const resent: { ids: string[]; attempts: number; delaySeconds: number }[] = [];
  const handled: string[] = [];
  const steps: Consumer<Note> = {
    decode: (value) =>
      value !== null && typeof value === "object" && "text" in value
        ? { ok: true, event: value as Note }
        : { ok: false, error: "not a note" },
    handle: async (events) => {
      handled.push(...events.map(({ id }) => id));
      return new Map();
    },
    resend: async (events, options) => {
      resent.push({ ids: events.map(({ id }) => id), ...options });
    },
    storeDeadLetters: async (letters) => void kept.push(...letters),
    ...given,
  };
  return { ...steps, kept, resent, handled };
}

/** Leaves these events undecided. */
export const undecided =
  (...ids: string[]): Consumer<Note>["handle"] =>
  async (events) =>
    new Map(
      events
        .filter(({ id }) => ids.includes(id))
        .map((event) => [event, { type: "failed", error: `no ${event.id}` }]),
    );

export const throwing =
  (text: string): (() => Promise<never>) =>
  async () => {
    throw new Error(text);
  };
