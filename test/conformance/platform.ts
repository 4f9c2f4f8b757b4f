import type { Probe } from "./probe.ts";

type Methods =
  | "arm"
  | "fails"
  | "disarm"
  | "calls"
  | "record"
  | "records"
  | "echo"
  | "throws"
  | "closes"
  | "sockets";
/** By RPC every answer is a promise. */
export type ProbeStub = {
  [M in Methods]: (...args: Parameters<Probe[M]>) => Promise<Awaited<ReturnType<Probe[M]>>>;
};

/** What a case needs of a platform; the real runtime and the stand-ins both offer it. */
export interface Platform {
  db: D1Database;
  queue: Queue;
  limiter: RateLimit;
  /** Runs inside a Durable Object of its own. */
  inObject: <T>(work: (ctx: DurableObjectState) => T | Promise<T>) => Promise<T>;
  /** The object of this name. */
  probe: (name: string) => ProbeStub;
  /** Opens a socket to the object of this name. */
  connect: (name: string) => Promise<Client>;
  now: () => number;
  sleep: (ms: number) => Promise<void>;
}

/** A client's end of a socket, and what came by it. */
export interface Client {
  /** Messages, and how it was closed. */
  heard: string[];
  send(text: string): void;
  close(code: number): void;
}

export interface Case {
  name: string;
  run: (platform: Platform, id: string) => Promise<unknown>;
  expected: unknown;
}

/** What an error says; "no error" when there is none. */
export async function errorOf(work: () => unknown): Promise<string> {
  try {
    await work();
    return "no error";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
