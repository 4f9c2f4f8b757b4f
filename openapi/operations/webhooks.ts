import * as examples from "../examples.ts";
import { body, json, type Operation } from "../operation.ts";

const PATH = "/v1/webhooks";
const { webhook, SECRET, delivery } = examples;

const writes = { tag: "Webhooks", caller: "service", scopes: ["webhooks:write"] } as const;
const reads = { ...writes, scopes: ["webhooks:write", "operations:read"] } as const;

export const webhookOperations: Operation[] = [
  {
    ...writes,
    id: "createWebhook",
    method: "post",
    path: PATH,
    summary: "Add a webhook",
    description: `Adds an endpoint of yours. From now on it gets the changes of these types, signed as Standard Webhooks (standardwebhooks.com) says: verify them with its libraries.

The body is \`{type, timestamp, data}\`. \`data\` is the order, payment or item; an order has the status and the revision of this very step. Each event comes at least once, always with the same \`webhook-id\`. Events of one order come in sequence.

Answer 2xx within 15 s. After a time-out, a redirect, 408, 425, 429 or 5xx the endpoint is tried again after 5 s, 5 m, 30 m, 2 h, 5 h, 10 h, 14 h, 20 h and then every 24 h, not before \`Retry-After\`. After another 4xx the events of that order wait for you to resend them, and the others go on; of an item only the newest event waits. 410 switches the endpoint off.`,
    body: body("NewWebhook", examples.newWebhook, "The endpoint."),
    answers: [
      json(201, "The webhook, with its secret, which is shown only now.", "WebhookWithSecret", [
        "Added",
        { ...webhook, secret: SECRET },
      ]),
    ],
    problems: ["too_many_webhooks"],
  },
  {
    ...reads,
    id: "listWebhooks",
    method: "get",
    path: PATH,
    summary: "List webhooks",
    description: "Returns all of them, at most 20.",
    answers: [json(200, "The webhooks.", "WebhookList", ["One", { webhooks: [webhook] }])],
  },
  {
    ...reads,
    id: "getWebhook",
    method: "get",
    path: `${PATH}/{id}`,
    summary: "Read a webhook",
    description: "Returns a webhook, and how its deliveries go.",
    parameters: ["WebhookId"],
    answers: [
      json(200, "The webhook.", "WebhookStatus", [
        "Paused",
        {
          ...webhook,
          failingSince: webhook.createdAt,
          pending: 12,
          parked: 1,
          failures: 2,
          pausedUntil: webhook.createdAt,
        },
      ]),
    ],
    problems: ["not_found"],
  },
  {
    ...writes,
    id: "changeWebhook",
    method: "patch",
    path: `${PATH}/{id}`,
    summary: "Change a webhook",
    description:
      "Changes what the body names, and tries the endpoint again at once if it was paused.",
    parameters: ["WebhookId"],
    body: body("WebhookPatch", { ...examples.newWebhook, state: "on" }, "What is to be changed."),
    answers: [json(200, "The webhook.", "Webhook", ["Changed", webhook])],
    problems: ["not_found"],
  },
  {
    ...writes,
    id: "deleteWebhook",
    method: "delete",
    path: `${PATH}/{id}`,
    summary: "Delete a webhook",
    description: "Deletes it with its events, delivered or not.",
    parameters: ["WebhookId"],
    answers: [{ status: 204, description: "It is deleted." }],
    problems: ["not_found"],
  },
  {
    ...writes,
    id: "rotateSecret",
    method: "post",
    path: `${PATH}/{id}/rotate`,
    summary: "Rotate the secret",
    description:
      "Gives the webhook a new secret. For 24 hours the one before signs each event too. If the answer is lost, repeat the call: each secret of the last five rotations signs until its own 24 hours are over, so your endpoint can go on verifying with the one that it has.",
    parameters: ["WebhookId"],
    answers: [
      json(200, "The webhook, with its new secret.", "WebhookWithSecret", [
        "Rotated",
        { ...webhook, secret: SECRET },
      ]),
    ],
    problems: ["not_found"],
  },
  {
    ...writes,
    id: "testWebhook",
    method: "post",
    path: `${PATH}/{id}/test`,
    summary: "Send a test event",
    description:
      "Posts an event of the type `webhook.test` once, also to an endpoint that is off, and returns what the endpoint answered.",
    parameters: ["WebhookId"],
    answers: [
      json(200, "What came of it.", "WebhookTest", [
        "Taken",
        { status: 204, answer: "", tookMs: 84 },
      ]),
    ],
    problems: ["not_found"],
  },
  {
    ...reads,
    id: "listDeliveries",
    method: "get",
    path: `${PATH}/{id}/deliveries`,
    summary: "List events of a webhook",
    description:
      "Lists the newest events first. Delivered ones are kept for three days, at most 10,000.",
    parameters: ["WebhookId", "DeliveryState", "Limit", "Cursor"],
    answers: [
      json(200, "A page of events.", "WebhookDeliveryPage", [
        "Refused by the endpoint",
        { deliveries: [delivery], nextCursor: null },
      ]),
    ],
    problems: ["not_found"],
  },
  {
    ...writes,
    id: "resendEvent",
    method: "post",
    path: `${PATH}/{id}/deliveries/{eventId}/resend`,
    summary: "Send an event again",
    description:
      "Sends an event again, delivered or not, and the events of its order that wait behind it. A pause of the endpoint ends.",
    parameters: ["WebhookId", "EventId"],
    answers: [{ status: 202, description: "It is sent." }],
    problems: ["not_found"],
  },
];
