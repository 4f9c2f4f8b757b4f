import type { InferRequestType, InferResponseType } from "hono/client";
import { type Client, ok } from "../shared/api.ts";
import { client } from "./session.ts";

type Webhooks = Client["v1"]["webhooks"];

export type Webhook = InferResponseType<Webhooks["$get"]>["webhooks"][number];
export type WebhookStatus = InferResponseType<Webhooks[":id"]["$get"]>;
export type Delivery = InferResponseType<
  Webhooks[":id"]["deliveries"]["$get"]
>["deliveries"][number];
export type DeliveryState = Delivery["state"];
export type WithSecret = InferResponseType<Webhooks["$post"]>;
type NewWebhook = InferRequestType<Webhooks["$post"]>["json"];
export type ChangeType = NonNullable<NewWebhook["types"]>[number];

/** Those of the API (openapi.json), in the order in which they happen. */
export const TYPES = [
  "order.placed",
  "order.confirmed",
  "order.extended",
  "order.paid",
  "order.cancelled",
  "order.returned",
  "payment.waiting",
  "payment.applied",
  "payment.unmatched",
  "payment.refunded",
  "item.sold_out",
  "item.back_in_stock",
] as const satisfies readonly ChangeType[];

export const listWebhooks = () => ok(client.v1.webhooks.$get());

export const addWebhook = (json: NewWebhook) => ok(client.v1.webhooks.$post({ json }));

/** The calls about one webhook. */
export function webhookCalls(id: string) {
  const one = client.v1.webhooks[":id"];
  const param = { id };
  return {
    status: () => ok(one.$get({ param })),
    setState: (state: "on" | "off") => ok(one.$patch({ param, json: { state } })),
    delete: () => ok(one.$delete({ param })),
    rotate: () => ok(one.rotate.$post({ param })),
    test: () => ok(one.test.$post({ param })),
    deliveries: (state: DeliveryState | null) => {
      const query = { limit: "20", ...(state && { state }) };
      return ok(one.deliveries.$get({ param, query }));
    },
    resend: (eventId: string) =>
      ok(one.deliveries[":eventId"].resend.$post({ param: { id, eventId } })),
  };
}
