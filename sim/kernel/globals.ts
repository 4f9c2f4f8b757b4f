import { createHash, createHmac } from "node:crypto";
import { SimResponse } from "../platform/http.ts";
import { SimSocket, SimSocketPair } from "../platform/sockets.ts";
import type { Kernel } from "./kernel.ts";
import { asRequest, requestNow } from "./request.ts";
import type { Vat } from "./vat.ts";

/** The globals of the code under test: every clock and every random number comes from the seed. */

export interface WorldGlobals {
  Date: DateConstructor;
  Math: Math;
  crypto: object;
}

/** Shared by all vats of a run. */
export function worldGlobals(kernel: Kernel): WorldGlobals {
  const now = (): number => Math.floor(kernel.now_ms);
  class VirtualDate extends Date {
    constructor(...args: [] | [number | string]) {
      if (args.length === 0) super(now());
      else super(args[0]);
    }
    static override now(): number {
      return now();
    }
  }
  const random = kernel.random("the code's own");
  const math = Object.create(Math) as Math;
  math.random = () => random.next();
  return {
    Date: VirtualDate as unknown as DateConstructor,
    Math: math,
    crypto: {
      getRandomValues: (into: Uint8Array) => random.bytes(into),
      randomUUID: () => uuidOf(random.bytes(new Uint8Array(16))),
      subtle,
    },
  };
}

/** The globals of one vat, by the names its code is compiled with. */
export function vatGlobals(vat: Vat, world: WorldGlobals): Record<string, unknown> {
  const { kernel } = vat;
  const timers = new Map<number, { isCancelled: boolean }>();
  let last = 0;
  const line =
    (level: string) =>
    (...texts: unknown[]) => {
      if (vat.isAlive) kernel.note(`  ${vat.name} ${level} ${texts.map(String).join(" ")}`);
    };
  return {
    ...world,
    setTimeout: (run: () => void, ms = 0) => {
      const id = ++last;
      const request = requestNow();
      const event = kernel.after(Math.max(1, ms), "", () => {
        timers.delete(id);
        if (!vat.isAlive || request?.isTornDown) return;
        kernel.note(`timer of ${vat.name}`);
        asRequest(request, run);
      });
      timers.set(id, event);
      return id;
    },
    clearTimeout: (id: number) => {
      const event = timers.get(id);
      if (event) event.isCancelled = true;
      timers.delete(id);
    },
    console: { log: line("log"), info: line("info"), warn: line("warn"), error: line("error") },
    Response: SimResponse,
    WebSocket: SimSocket,
    WebSocketPair: class extends SimSocketPair {
      constructor() {
        super(vat);
      }
    },
    WebSocketRequestResponsePair: class {
      readonly request: string;
      readonly response: string;
      constructor(request: string, response: string) {
        this.request = request;
        this.response = response;
      }
    },
    Blob: MemoryBlob,
  };
}

/** Node's own Blob answers from outside of the microtask queue, at a time of its choosing. */
class MemoryBlob {
  readonly #bytes: Buffer;
  constructor(parts: Uint8Array[]) {
    this.#bytes = Buffer.concat(parts);
  }
  async arrayBuffer(): Promise<Uint8Array> {
    return this.#bytes;
  }
}

interface HmacKey {
  secret: Uint8Array;
}

/** HMAC SHA-256 by the same engine, but at once: Web Crypto answers from a thread, at any time. */
const subtle = {
  digest: async (_algorithm: "SHA-256", data: Uint8Array) =>
    createHash("sha256").update(data).digest(),
  importKey: async (
    _form: string,
    secret: Uint8Array,
    _algorithm: object,
    _extractable: boolean,
    usages: string[],
  ) => ({
    [Symbol.toStringTag]: "CryptoKey",
    type: "secret",
    algorithm: { name: "HMAC", hash: { name: "SHA-256" } },
    usages,
    secret,
  }),
  sign: async (_algorithm: unknown, { secret }: HmacKey, data: Uint8Array) =>
    createHmac("sha256", secret).update(data).digest(),
  verify: async (
    _algorithm: unknown,
    { secret }: HmacKey,
    signature: Uint8Array,
    data: Uint8Array,
  ) => createHmac("sha256", secret).update(data).digest().equals(signature),
};

function uuidOf(bytes: Uint8Array): string {
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(bytes).toString("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join("-");
}
