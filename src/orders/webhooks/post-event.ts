import { errorText } from "../../runtime/log.ts";
import { signatureOf } from "./signature.ts";
import type { Attempt } from "./webhook.ts";

/** For the whole attempt, the answer's body included. */
const ATTEMPT_TIMEOUT_MS = 15_000;
/** Of an answer, for the operator; the rest is not read. */
const MAX_ANSWER_BYTES = 500;

export interface Posting {
  url: string;
  id: string;
  body: string;
  /** The newest first. */
  secrets: readonly string[];
}

/** Posts an event once. Never throws; follows no redirect. */
export async function postEvent(
  { url, id, body, secrets }: Posting,
  now_ms: number,
): Promise<Attempt> {
  const timestamp_s = Math.floor(now_ms / 1_000);
  const headers = {
    "Content-Type": "application/json",
    "User-Agent": "Lockstock-Webhooks",
    "webhook-id": id,
    "webhook-timestamp": `${timestamp_s}`,
    "webhook-signature": await signatureOf({ id, timestamp_s, body }, secrets),
  };
  const signal = AbortSignal.timeout(ATTEMPT_TIMEOUT_MS);
  try {
    const response = await fetch(url, {
      method: "POST",
      headers,
      body,
      redirect: "manual",
      signal,
    });
    const { status } = response;
    const retryAfter_ms = retryAfterOf(response.headers.get("Retry-After"), Date.now());
    // The status says what became of the event, so an answer that breaks off counts as one.
    const answer = await beginningOf(response.body).catch(() => "");
    return { status, answer, took_ms: Date.now() - now_ms, retryAfter_ms };
  } catch (error) {
    const answer = signal.aborted
      ? `no answer within ${ATTEMPT_TIMEOUT_MS / 1_000} s`
      : errorText(error);
    return { status: null, answer, took_ms: Date.now() - now_ms, retryAfter_ms: null };
  }
}

/** The first bytes of a body, as text. */
async function beginningOf(stream: ReadableStream<Uint8Array> | null): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of stream ?? []) {
    text += decoder.decode(chunk.subarray(0, MAX_ANSWER_BYTES - bytes), { stream: true });
    bytes += chunk.byteLength;
    // Leaving the loop cancels the stream.
    if (bytes >= MAX_ANSWER_BYTES) break;
  }
  return text;
}

/** `Retry-After` in seconds or as a date (RFC 9110, 10.2.3); null: none that can be read. */
export function retryAfterOf(header: string | null, now_ms: number): number | null {
  const text = header?.trim() ?? "";
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1_000;
  // Date.parse takes much for a date that is none of HTTP's, such as "-5".
  const at_ms = /^[A-Z][a-z]{2}/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at_ms) ? null : Math.max(0, at_ms - now_ms);
}
