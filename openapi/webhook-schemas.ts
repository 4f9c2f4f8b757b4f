import * as v from "valibot";
import { CHANGE_TYPES } from "../src/orders/changes/change.ts";
import { NewWebhookSchema, WebhookPatchSchema } from "../src/orders/http/webhook-body.ts";
import type { deliveryView } from "../src/orders/http/webhooks.ts";
import type { CourierStatus } from "../src/orders/webhooks/courier.ts";
import type { WebhookView } from "../src/orders/webhooks/webhook.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const time = v.pipe(v.string(), v.isoTimestamp());

const webhook = {
  id: v.string(),
  url: v.string(),
  types: v.array(v.picklist(CHANGE_TYPES)),
  state: v.picklist(["on", "off"]),
  why: v.exactOptional(v.picklist(["operator", "gone", "changes_reset"])),
  failingSince: v.nullable(time),
  createdAt: time,
};
const Webhook = v.object(webhook) satisfies v.GenericSchema<unknown, WebhookView>;

const status = {
  pending: count,
  parked: count,
  failures: count,
  pausedUntil: v.nullable(time),
};
const WebhookStatus = v.object({ ...webhook, ...status }) satisfies v.GenericSchema<
  unknown,
  WebhookView & CourierStatus
>;

const attempt = { status: v.nullable(v.pipe(v.number(), v.integer())), answer: v.string() };
const WebhookAttempt = v.object({ at: time, ...attempt, tookMs: count });
const WebhookDelivery = v.object({
  id: v.string(),
  subject: v.string(),
  type: v.string(),
  at: time,
  state: v.picklist(["pending", "parked", "delivered"]),
  attempts: count,
  lastAttempt: v.nullable(WebhookAttempt),
  body: v.unknown(),
}) satisfies v.GenericSchema<unknown, ReturnType<typeof deliveryView>>;

/** The schemas of webhooks, by their names in the contract. */
export const WEBHOOK_SCHEMAS = {
  NewWebhook: NewWebhookSchema,
  WebhookPatch: WebhookPatchSchema,
  Webhook,
  WebhookWithSecret: v.object({ ...webhook, secret: v.string() }),
  WebhookStatus,
  WebhookList: v.object({ webhooks: v.array(Webhook) }),
  WebhookAttempt,
  WebhookDelivery,
  WebhookDeliveryPage: v.object({
    deliveries: v.array(WebhookDelivery),
    nextCursor: v.nullable(v.string()),
  }),
  WebhookTest: v.object({ ...attempt, tookMs: count }),
} as const;
