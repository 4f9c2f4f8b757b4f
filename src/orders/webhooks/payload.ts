import type { Change, ChangedItem, ChangeType } from "../changes/change.ts";
import { type Order, type OrderView, viewOf } from "../order/order.ts";
import { type PaymentView, paymentView } from "../order/payment.ts";

/** The body of an event. The largest order makes less than 20 kB: names and prices stay out of it. */
export interface Payload {
  type: ChangeType | "webhook.test";
  /** When it was committed. */
  timestamp: string;
  data: Record<string, unknown>;
}

/** An order as an event has it: the status, reason and revision are those of the step itself. */
export interface OrderData extends Omit<OrderView, "lines" | "shortages" | "updatedAt"> {
  lines: { sku: string; quantity: number; returned?: number }[];
}

/** An event, and of which order, payment or item: those of one subject are delivered in sequence. */
export interface WebhookEvent {
  id: string;
  subject: string;
  type: ChangeType;
  /** Whose name is in it; null: nobody's. */
  customerId: string | null;
  body: string;
  at_ms: number;
}

export function eventOf(change: Change, epoch: string): WebhookEvent {
  const { type, at_ms } = change;
  const timestamp = new Date(at_ms).toISOString();
  const common = { id: `evt_${epoch}_${change.id}`, type, at_ms };
  const bodyOf = (data: object) => JSON.stringify({ type, timestamp, data });
  if ("order" in change) {
    const { orderId, revision, order } = change;
    const data = order ? orderData(order, revision) : { id: orderId, revision };
    const customerId = order?.customerId ?? null;
    return { ...common, subject: orderId, customerId, body: bodyOf(data) };
  }
  if ("payment" in change) {
    const { payment } = change;
    const data: Partial<PaymentView> = payment ? paymentView(payment) : {};
    // With its order, so that a backend hears of the money and of what it did in their order.
    const subject = payment?.successorId ?? payment?.orderId ?? "payments";
    return { ...common, subject, customerId: null, body: bodyOf(data) };
  }
  const data: Partial<ChangedItem> = change.item ?? { sku: change.sku };
  return { ...common, subject: `item ${change.sku}`, customerId: null, body: bodyOf(data) };
}

function orderData(order: Order, revision: number): OrderData {
  const view = viewOf(order);
  const { lines, shortages: _shortages, updatedAt: _updatedAt, ...rest } = view;
  const step = order.history.find((entry) => entry.revision === revision);
  const then =
    step && revision < order.revision ? { status: step.status, reason: step.reason } : {};
  return {
    ...rest,
    ...then,
    revision,
    lines: lines.map(({ sku, quantity, returned }) => ({
      sku,
      quantity,
      ...(returned !== undefined && { returned }),
    })),
  };
}

/** What `POST /v1/webhooks/:id/test` sends. */
export const testPayload = (webhookId: string, now_ms: number): Payload => ({
  type: "webhook.test",
  timestamp: new Date(now_ms).toISOString(),
  data: { webhookId },
});
