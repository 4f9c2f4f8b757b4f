import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "undici";
import type { Prepared } from "../lib/load.ts";

/** Calls at a fixed rate, whatever comes back (an open loop), each on a connection of its own. */

export interface Outcome {
  /** 0: no answer. */
  status: number;
  hasRetryAfter: boolean;
  /** Of an order that was accepted. */
  id: string | null;
  took_ms: number;
}

export interface Flood {
  outcomes: Outcome[];
  /** Calls a second that were really sent. */
  offered: number;
  /** Calls under way at the same time, at most. */
  open: number;
}

/** Descriptors are limited: past it a call is not sent, and the flood is less than was asked for. */
const MAX_OPEN = 6_000;
const TICK_MS = 5;
const CALL_TIMEOUT_MS = 30_000;

export interface FloodOptions {
  /** Calls a second. */
  rate: number;
  seconds: number;
  /** So much later than its beginning comes the rest of a call, as on a slow network. */
  bodyAfter_ms: number;
}

export async function flood(
  base: string,
  requests: readonly Prepared[],
  { rate, seconds, bodyAfter_ms }: FloodOptions,
): Promise<Flood> {
  const outcomes: Outcome[] = [];
  const calls: Promise<void>[] = [];
  const idle: Client[] = [];
  const all: Client[] = [];
  let open = 0;
  let mostOpen = 0;
  const call = async (request: Prepared) => {
    mostOpen = Math.max(mostOpen, ++open);
    const client = idle.pop() ?? connection(base, all);
    outcomes.push(await send(client, request, bodyAfter_ms));
    idle.push(client);
    open--;
  };
  const from_ms = performance.now();
  const elapsed_s = () => (performance.now() - from_ms) / 1_000;
  for (let sent = 0; elapsed_s() < seconds;) {
    const due = Math.floor(elapsed_s() * rate);
    for (; sent < due && open < MAX_OPEN; sent++) {
      calls.push(call(requests[sent % requests.length] as Prepared));
    }
    await sleep(TICK_MS);
  }
  const offered = calls.length / elapsed_s();
  await Promise.all(calls);
  await Promise.all(all.map((client) => client.destroy()));
  return { outcomes, offered, open: mostOpen };
}

function connection(base: string, all: Client[]): Client {
  const client = new Client(base, {
    headersTimeout: CALL_TIMEOUT_MS,
    bodyTimeout: CALL_TIMEOUT_MS,
    connectTimeout: CALL_TIMEOUT_MS,
  });
  all.push(client);
  return client;
}

/** The headers leave with the first byte. */
async function* late(body: string, after_ms: number): AsyncGenerator<string> {
  yield body.slice(0, 1);
  await sleep(after_ms);
  yield body.slice(1);
}

function send(
  client: Client,
  { method, path, headers, body = "" }: Prepared,
  bodyAfter_ms: number,
): Promise<Outcome> {
  const length = { "content-length": String(Buffer.byteLength(body)) };
  const from_ms = performance.now();
  return new Promise((resolve) => {
    let status = 0;
    let hasRetryAfter = false;
    let text = "";
    const end = (id: string | null) =>
      resolve({ status, hasRetryAfter, id, took_ms: performance.now() - from_ms });
    client.dispatch(
      {
        method,
        path,
        headers: { ...headers, ...length },
        body: bodyAfter_ms > 0 ? Readable.from(late(body, bodyAfter_ms)) : body,
      },
      {
        onRequestStart() {},
        onResponseStart(_controller, statusCode, answered) {
          status = statusCode;
          hasRetryAfter = Number(answered["retry-after"]) > 0;
        },
        onResponseData(_controller, chunk) {
          if (status === 202) text += chunk.toString("utf8");
        },
        onResponseEnd() {
          end(status === 202 ? (JSON.parse(text) as { id: string }).id : null);
        },
        onResponseError() {
          status = 0;
          end(null);
        },
      },
    );
  });
}
