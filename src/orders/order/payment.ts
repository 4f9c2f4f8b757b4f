import type { Actor } from "../../contract/actor.ts";

/** Payments against orders. No I/O. */

/**
 * `applied`: the order is paid by it. `waiting`: the order is still pending. `unmatched`: the shop
 * has to refund it. `refunded`: the shop did.
 */
export type PaymentState = "applied" | "waiting" | "unmatched" | "refunded";

/** Why a payment is unmatched, in the order in which D1 judges. */
export type Mismatch = "unknown_order" | "amount" | "already_paid" | "ended";

/** A payment as the shop or its payment provider reports it. */
export interface ReportedPayment {
  /** The provider's id of the payment, unique for ever. */
  reference: string;
  orderId: string;
  /** In minor units. */
  amount: number;
  /** ISO 4217. */
  currency: string;
}

export interface Payment extends ReportedPayment {
  id: number;
  state: PaymentState;
  why: Mismatch | null;
  /** The order that it pays instead of `orderId`, which had expired. */
  successorId: string | null;
  receivedAt_ms: number;
  actor: Actor;
}

export interface PaymentView extends ReportedPayment {
  state: PaymentState;
  why?: Mismatch;
  successorId?: string;
  receivedAt: string;
}

export function paymentView(payment: Payment): PaymentView {
  const { reference, orderId, amount, currency, state, why, successorId } = payment;
  return {
    reference,
    orderId,
    amount,
    currency,
    state,
    ...(why !== null && { why }),
    ...(successorId !== null && { successorId }),
    receivedAt: new Date(payment.receivedAt_ms).toISOString(),
  };
}

export const isSamePayment = (a: ReportedPayment, b: ReportedPayment): boolean =>
  a.reference === b.reference &&
  a.orderId === b.orderId &&
  a.amount === b.amount &&
  a.currency === b.currency;
