import * as v from "valibot";
import type { ReportedPayment } from "../order/payment.ts";

/** Notices of Stripe (https://docs.stripe.com/webhooks), as payments. No I/O. */

/** Old enough to be a recorded notice that somebody sends again (as in Stripe's own packages). */
const TOLERANCE_S = 300;
/** Stripe sends one signature for each secret of an endpoint, two while one is rotated. */
const MAX_SIGNATURES = 10;
const MAX_HEADER_CHARS = 2_000;

/**
 * Whether `header` (`Stripe-Signature`: `t=<seconds>,v1=<hex>,…`) signs these very bytes with one of
 * the secrets: HMAC-SHA256 of `<t>.<body>` (https://docs.stripe.com/webhooks#verify-manually).
 */
export async function isSignedByStripe(
  body: ArrayBuffer,
  header: string | undefined,
  secrets: readonly string[],
  now_ms: number,
): Promise<boolean> {
  const { timestamp, signatures } = parseHeader(header ?? "");
  if (timestamp === null || signatures.length === 0) return false;
  if (Math.abs(now_ms / 1000 - Number(timestamp)) > TOLERANCE_S) return false;
  const signed = await new Blob([`${timestamp}.`, body]).arrayBuffer();
  for (const secret of secrets) {
    const bytes = new TextEncoder().encode(secret);
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", bytes, algorithm, false, ["verify"]);
    for (const signature of signatures) {
      // Compares in constant time (Web Cryptography API, 31.6.2).
      if (await crypto.subtle.verify("HMAC", key, signature, signed)) return true;
    }
  }
  return false;
}

function parseHeader(header: string) {
  let timestamp: string | null = null;
  const signatures: Uint8Array<ArrayBuffer>[] = [];
  if (header.length > MAX_HEADER_CHARS) return { timestamp, signatures };
  for (const part of header.split(",")) {
    const [, name, value = ""] = /^\s*(\w+)=(\S+)\s*$/.exec(part) ?? [];
    if (name === "t" && /^\d{1,12}$/.test(value)) timestamp = value;
    // Other schemes, like the v0 of test notices, prove nothing.
    const isSignature = name === "v1" && /^[0-9a-f]{64}$/.test(value);
    if (isSignature && signatures.length < MAX_SIGNATURES) signatures.push(bytesOf(value));
  }
  return { timestamp, signatures };
}

const bytesOf = (hex: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));

const amount = v.pipe(v.number(), v.integer(), v.minValue(0));
/** Some texts of the metadata are other applications' and may be anything. */
const metadata = v.object({ lockstock_order: v.pipe(v.string(), v.trim(), v.minLength(1)) });
const id = v.pipe(v.string(), v.minLength(1), v.maxLength(255));

const IntentSchema = v.object({ id, amount_received: amount, currency: v.string(), metadata });
/** A session without an intent had nothing to pay. */
const SessionSchema = v.object({
  payment_intent: v.union([
    id,
    v.pipe(
      v.object({ id }),
      v.transform((intent) => intent.id),
    ),
  ]),
  payment_status: v.literal("paid"),
  amount_total: amount,
  currency: v.string(),
  metadata,
});

const EventSchema = v.variant("type", [
  v.object({
    type: v.literal("payment_intent.succeeded"),
    data: v.object({ object: IntentSchema }),
  }),
  v.object({
    type: v.picklist(["checkout.session.completed", "checkout.session.async_payment_succeeded"]),
    data: v.object({ object: SessionSchema }),
  }),
]);

/** The column `payments.order_id` takes any text; a longer one names no order of ours. */
const MAX_ORDER_CHARS = 255;

/**
 * The payment of a notice; null when it reports none, or none with `metadata.lockstock_order`. The
 * intent's id is the reference, in the notices of its checkout session too: both report one payment.
 */
export function paymentFromStripe(event: unknown): ReportedPayment | null {
  const parsed = v.safeParse(EventSchema, event);
  if (!parsed.success) return null;
  const { type, data } = parsed.output;
  const { currency, metadata: own } = data.object;
  const isIntent = type === "payment_intent.succeeded";
  const code = currency.toUpperCase();
  return {
    reference: isIntent ? data.object.id : data.object.payment_intent,
    orderId: own.lockstock_order.slice(0, MAX_ORDER_CHARS).toLowerCase(),
    amount: minorUnits(isIntent ? data.object.amount_received : data.object.amount_total, code),
    currency: code,
  };
}

/**
 * Stripe counts three currencies in other units than ISO 4217: ISK and UGX have two decimals there,
 * the Malagasy ariary has none (https://docs.stripe.com/currencies).
 */
const HUNDREDFOLD = new Set(["ISK", "UGX"]);
const HUNDREDTH = new Set(["MGA"]);

function minorUnits(stripeAmount: number, currency: string): number {
  if (HUNDREDTH.has(currency)) return stripeAmount * 100;
  // An amount that Stripe cannot have charged stays as it is, and equals no amount due.
  return HUNDREDFOLD.has(currency) && stripeAmount % 100 === 0 ? stripeAmount / 100 : stripeAmount;
}
