import { Hono } from "hono";
import { paymentView } from "../order/payment.ts";
import { recordPayment } from "../payments/record-payment.ts";
import { isSignedByStripe, paymentFromStripe } from "../payments/stripe.ts";
import type { AppEnv } from "./app-env.ts";
import { splitList } from "./auth-settings.ts";
import { background } from "./background.ts";
import { concurrencyLimit } from "./concurrency-limit.ts";
import { invalid, Problem } from "./problem.ts";
import { decodeUtf8, parseJson, readBody } from "./validation.ts";

/** Notices have some 5 KB; one with an expanded session can have more than other bodies may. */
export const MAX_NOTICE_BYTES = 262_144;

/**
 * In one isolate, which has 128 MB: anyone may send a body before its signature is known, and each is
 * there twice while it is joined with its timestamp to be verified. That is 50 MB at most.
 */
const MAX_NOTICES = 100;
/** Longer than a notice can take: 15 s for the body, 1 s for the reconciler, 10 s for D1. */
const NOTICE_LEASE_MS = 40_000;
const noticeLimit = concurrencyLimit(MAX_NOTICES, NOTICE_LEASE_MS);

/** Who reports the payments of these notices. */
const STRIPE = { kind: "service", sub: "stripe" } as const;

/** Stripe's notices. It repeats one for three days until the answer is 2xx. */
export const stripe = new Hono<AppEnv>().post("/", noticeLimit.holdSlot, async (c) => {
  const secrets = splitList(c.env.STRIPE_WEBHOOK_SECRET);
  if (secrets.length === 0) throw new Problem("not_found");
  const body = await readBody(c, MAX_NOTICE_BYTES);
  const header = c.req.header("Stripe-Signature");
  if (!(await isSignedByStripe(body, header, secrets, Date.now()))) {
    throw invalid([{ path: "stripe-signature", message: "does not sign this body now" }]);
  }
  const reported = paymentFromStripe(parseJson(decodeUtf8(body)));
  if (reported === null) return c.json({ payment: null });
  // With another body the first notice stands: asking Stripe to repeat it would help nobody.
  const { payment } = await recordPayment(c.env, reported, STRIPE, background(c));
  return c.json({ payment: paymentView(payment) });
});
