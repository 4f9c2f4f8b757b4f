import { webcrypto } from "node:crypto";
import { SimResponse } from "../../../sim/platform/http.ts";
import { Socket, SocketPair } from "./sockets.ts";

/** The globals of the code under test: what it makes of them depends on the clock alone. */

export interface Clock {
  now_ms: number;
  /** Short timers that have not fired. */
  timers: Set<unknown>;
}

/** Longer ones are time limits, which are not waited for. */
const SHORT_MS = 500;

export function globalsOf(clock: Clock): Record<string, unknown> {
  class FixedDate extends Date {
    constructor(...args: [] | [number | string]) {
      if (args.length === 0) super(clock.now_ms);
      else super(args[0]);
    }
    static override now(): number {
      return clock.now_ms;
    }
  }
  const math = Object.create(Math) as Math;
  math.random = () => 0.5;
  const crypto = {
    subtle: webcrypto.subtle,
    // An order's id has the time in it: the same clock gives the same id, however many were drawn.
    getRandomValues: (into: Uint8Array) => into.fill(0x55),
    randomUUID: () => "00000000-0000-4000-8000-000000000000",
  };
  const silent = { log: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  return {
    Date: FixedDate,
    Math: math,
    crypto,
    ...timersOf(clock),
    console: silent,
    Response: SimResponse,
    WebSocket: Socket,
    WebSocketPair: SocketPair,
    WebSocketRequestResponsePair: class {},
    Blob,
  };
}

function timersOf({ timers }: Clock) {
  return {
    setTimeout: (run: () => void, ms = 0): unknown => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        run();
      }, ms);
      if (ms <= SHORT_MS) timers.add(timer);
      return timer;
    },
    clearTimeout: (timer: NodeJS.Timeout): void => {
      timers.delete(timer);
      clearTimeout(timer);
    },
  };
}
