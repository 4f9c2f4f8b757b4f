import type { ChangedItem, OrderStep, PaymentStep } from "./changes.ts";
import type { Order, Payment } from "./types.ts";

/** Signatures of webhooks by Standard Webhooks (https://www.standardwebhooks.com), with WebCrypto. */

const DEFAULT_TOLERANCE_S = 300;
/** Signatures of one header that are tried; five rotations in a day make six. */
const MAX_SIGNATURES = 16;

/** `missing_header`, `bad_timestamp`: not as the standard says. `bad_secret`: yours is not base64. */
export type WebhookErrorCode =
  | "missing_header"
  | "bad_timestamp"
  | "too_old"
  | "too_new"
  | "no_matching_signature"
  | "bad_secret"
  | "bad_payload";

/**
 * Why `verifyWebhook` does not accept a request. Answer it with 400.
 *
 * @example
 * ```ts
 * try {
 *   await verifyWebhook(payload, request.headers, secret);
 * } catch (error) {
 *   if (!(error instanceof WebhookError)) throw error;
 *   return new Response(error.code, { status: 400 });
 * }
 * ```
 */
export class WebhookError extends Error {
  override readonly name = "WebhookError";
  readonly code: WebhookErrorCode;

  constructor(code: WebhookErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * An order as an event has it, with the status and reason that its step made. Once housekeeping has
 * deleted the order, only `id` and `revision` are there.
 */
export interface WebhookOrder extends Partial<
  Omit<Order, "id" | "revision" | "lines" | "shortages" | "updatedAt">
> {
  id: string;
  revision: number;
  lines?: { sku: string; quantity: number; returned?: number }[];
}

/** What Lockstock sends to an endpoint. Answer 2xx also for types that you do not know. */
export type WebhookEvent = {
  /** When it was committed. */
  timestamp: string;
} & (
  | { type: `order.${OrderStep}`; data: WebhookOrder }
  | { type: `payment.${PaymentStep}`; data: Partial<Payment> }
  | {
      type: "item.sold_out" | "item.back_in_stock";
      data: Pick<ChangedItem, "sku"> & Partial<ChangedItem>;
    }
  | { type: "webhook.test"; data: { webhookId: string } }
);

/** `Headers`, or the `headers` of Node's `IncomingMessage`. */
export type HeadersLike =
  | { get(name: string): string | null }
  | Record<string, string | string[] | undefined>;

export interface VerifyOptions {
  /** How far `webhook-timestamp` may be from now, in both directions. Default: 300. */
  tolerance_s?: number | undefined;
  /** The time of the check, for tests. Default: now. */
  now_ms?: number | undefined;
}

/**
 * Verifies a webhook and returns its event. Throws `WebhookError` if it is not from the owner of one
 * of these secrets, or not recent. Take the body as it arrived: parsing and writing it again changes
 * the bytes that were signed. Deliveries repeat, so remember `webhook-id`.
 *
 * @param secret `whsec_…`; several while a secret is rotated
 *
 * @example
 * ```ts
 * export default {
 *   async fetch(request, env) {
 *     const payload = await request.text();
 *     const event = await verifyWebhook(payload, request.headers, env.WEBHOOK_SECRET);
 *     if (event.type === "order.confirmed") await sendMail(event.data);
 *     return new Response(null, { status: 204 });
 *   },
 * };
 * ```
 */
export async function verifyWebhook<Event = WebhookEvent>(
  payload: string | Uint8Array,
  headers: HeadersLike,
  secret: string | readonly string[],
  { tolerance_s = DEFAULT_TOLERANCE_S, now_ms = Date.now() }: VerifyOptions = {},
): Promise<Event> {
  const id = headerOf(headers, "webhook-id");
  const timestamp = headerOf(headers, "webhook-timestamp");
  const signatures = headerOf(headers, "webhook-signature").split(" ").slice(0, MAX_SIGNATURES);
  checkTime(timestamp, now_ms / 1_000, tolerance_s);
  const bytes = typeof payload === "string" ? utf8(payload) : payload;
  const signed = joined(utf8(`${id}.${timestamp}.`), bytes);
  for (const one of typeof secret === "string" ? [secret] : secret) {
    if (await isSignedBy(one, signatures, signed)) return eventOf(bytes);
  }
  throw new WebhookError("no_matching_signature", "No signature matches a secret.");
}

function headerOf(headers: HeadersLike, name: string): string {
  const value =
    typeof headers["get"] === "function"
      ? headers.get(name)
      : Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
  if (typeof value === "string" && value !== "") return value;
  throw new WebhookError("missing_header", `The header ${name} is missing.`);
}

function checkTime(timestamp: string, now_s: number, tolerance_s: number): void {
  if (!/^\d{1,12}$/.test(timestamp)) {
    throw new WebhookError("bad_timestamp", "webhook-timestamp is not a time in seconds.");
  }
  const age_s = now_s - Number(timestamp);
  if (age_s > tolerance_s) throw new WebhookError("too_old", "The webhook is too old.");
  if (age_s < -tolerance_s) throw new WebhookError("too_new", "The webhook is from the future.");
}

async function isSignedBy(
  secret: string,
  signatures: readonly string[],
  signed: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const raw = fromBase64(secret.replace(/^whsec_/, ""));
  if (!raw || raw.length === 0) throw new WebhookError("bad_secret", "The secret is not base64.");
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", raw, algorithm, false, ["verify"]);
  for (const signature of signatures) {
    const mac = signature.startsWith("v1,") ? fromBase64(signature.slice(3)) : null;
    // `verify` compares in constant time.
    if (mac && (await crypto.subtle.verify("HMAC", key, mac, signed))) return true;
  }
  return false;
}

function eventOf<Event>(payload: Uint8Array): Event {
  try {
    return JSON.parse(new TextDecoder().decode(payload)) as Event;
  } catch {
    throw new WebhookError("bad_payload", "The payload is not JSON.");
  }
}

const utf8 = (text: string) => new TextEncoder().encode(text);

function joined(head: Uint8Array, tail: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(head.length + tail.length);
  all.set(head);
  all.set(tail, head.length);
  return all;
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}
