import process from "node:process";
import { Pool } from "undici";
import { anchor, wallNow_ms } from "./clock.ts";

/**
 * The one load generator: keep-alive connections, one request at a time on each, every request
 * prepared beforehand. Closed loop: a connection sends its next request when it has the last
 * answer. undici's `dispatch`, because it costs about 40 µs a request where `node:http` costs 65
 * (empty handler, same machine as what is measured, which needs the rest).
 */

export interface Prepared {
  method: "GET" | "POST" | "PUT";
  path: string;
  headers: Record<string, string>;
  body?: string;
}

export interface LoadOptions {
  /** Connections, and so requests under way. */
  concurrency: number;
  /** No request is sent after this. */
  timeout_ms?: number;
  /** Called with the number of answers so far, a few times a second at most. */
  onProgress?: (done: number) => void;
  /** A connection's next request waits for this. */
  afterAnswer?: (i: number, result: LoadResult) => Promise<void>;
}

export interface LoadResult {
  /** Milliseconds since 1970, by request; NaN: never sent. */
  sentAt_ms: Float64Array;
  /** From sending to the end of the answer, by request; NaN: no answer. */
  latency_ms: Float64Array;
  /** 0: no answer. */
  status: Uint16Array;
  bodies: string[];
  /** From the first request to the last answer. */
  took_s: number;
  /** CPU this process spent meanwhile: the generator, and Miniflare's side of the stack. */
  cpu_s: number;
}

export const MAX_REQUESTS = 100_000;
export const MAX_CONCURRENCY = 512;
const MAX_TIMEOUT_MS = 120_000;
/** One request without an answer for this long has failed. */
const REQUEST_TIMEOUT_MS = 30_000;
const PROGRESS_MS = 250;

/** Sends all requests to a loopback address, in their order. */
export async function load(
  base: string,
  requests: readonly Prepared[],
  { concurrency, timeout_ms = MAX_TIMEOUT_MS, onProgress, afterAnswer }: LoadOptions,
): Promise<LoadResult> {
  requireBounds(base, requests.length, concurrency, timeout_ms);
  const count = requests.length;
  const result = emptyResult(count);
  const pool = new Pool(base, {
    connections: concurrency,
    pipelining: 1,
    headersTimeout: REQUEST_TIMEOUT_MS,
    bodyTimeout: REQUEST_TIMEOUT_MS,
  });
  anchor();
  const start_ms = performance.now();
  const startCpu = process.cpuUsage();
  let next = 0;
  let done = 0;
  let told_ms = start_ms;

  const connection = async (): Promise<void> => {
    while (next < count && performance.now() - start_ms < timeout_ms) {
      const i = next++;
      const sent_ms = performance.now();
      result.sentAt_ms[i] = wallNow_ms();
      const answer = await send(pool, requests[i] as Prepared);
      const now_ms = performance.now();
      if (answer) {
        result.latency_ms[i] = now_ms - sent_ms;
        result.status[i] = answer.status;
        result.bodies[i] = answer.body;
      }
      await afterAnswer?.(i, result);
      done++;
      if (onProgress && now_ms - told_ms > PROGRESS_MS) {
        told_ms = now_ms;
        onProgress(done);
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, connection));

  result.took_s = (performance.now() - start_ms) / 1_000;
  const { user, system } = process.cpuUsage(startCpu);
  result.cpu_s = (user + system) / 1e6;
  await pool.destroy();
  return result;
}

export const emptyResult = (count: number): LoadResult => ({
  sentAt_ms: new Float64Array(count).fill(Number.NaN),
  latency_ms: new Float64Array(count).fill(Number.NaN),
  status: new Uint16Array(count),
  bodies: Array.from({ length: count }, () => ""),
  took_s: 0,
  cpu_s: 0,
});

function requireBounds(base: string, count: number, concurrency: number, timeout_ms: number): void {
  if (!/^http:\/\/(127\.0\.0\.1|\[::1\]|localhost):\d+$/.test(base)) {
    throw new RangeError(`load goes to a loopback address only, not to ${base}`);
  }
  const isBounded = count <= MAX_REQUESTS && concurrency >= 1 && concurrency <= MAX_CONCURRENCY;
  if (!isBounded || timeout_ms > MAX_TIMEOUT_MS) {
    throw new RangeError(`too much load: ${count} requests, ${concurrency} at a time`);
  }
}

interface Answer {
  status: number;
  body: string;
}

/** Null when the connection failed. */
export function send(
  pool: Pool,
  { method, path, headers, body }: Prepared,
): Promise<Answer | null> {
  return new Promise((resolve) => {
    let status = 0;
    let text = "";
    pool.dispatch(
      { method, path, headers, body: body ?? null },
      {
        onRequestStart() {},
        onResponseStart(_controller, statusCode) {
          status = statusCode;
        },
        onResponseData(_controller, chunk) {
          text += chunk.toString("utf8"); // answers are ASCII: a chunk never splits a character
        },
        onResponseEnd() {
          resolve({ status, body: text });
        },
        onResponseError() {
          resolve(null);
        },
      },
    );
  });
}
