import type { Delivery } from "../../../src/orders/webhooks/courier-store.ts";
import type { CourierStatus } from "../../../src/orders/webhooks/courier.ts";
import type { WebhookView } from "../../../src/orders/webhooks/webhook.ts";
import type { Client } from "./client.ts";

export type WebhookStatusView = WebhookView & CourierStatus;

/** The calls of an operator who looks after webhooks. */
export function webhookClient(operator: () => Client) {
  async function call<T>(expected: number, method: string, path = "", body?: unknown): Promise<T> {
    const reply = await operator().call<T>(method, `/v1/webhooks${path}`, body);
    if (reply.status === expected) return reply.body;
    throw new Error(`${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
  }
  const list = async () => (await call<{ webhooks: WebhookView[] }>(200, "GET")).webhooks;
  return {
    list,
    add: (url: string, types?: string[]) =>
      call<WebhookView & { secret: string }>(201, "POST", "", { url, ...(types && { types }) }),
    get: (id: string) => call<WebhookStatusView>(200, "GET", `/${id}`),
    patch: (id: string, body: object) => call<WebhookView>(200, "PATCH", `/${id}`, body),
    rotate: (id: string) => call<WebhookView & { secret: string }>(200, "POST", `/${id}/rotate`),
    test: (id: string) => call<{ status: number | null }>(200, "POST", `/${id}/test`),
    resend: (id: string, event: string) =>
      call<undefined>(202, "POST", `/${id}/deliveries/${event}/resend`),
    deliveries: async (id: string, state?: string) => {
      const query = state === undefined ? "" : `?state=${state}`;
      const path = `/${id}/deliveries${query}`;
      return (await call<{ deliveries: Delivery[] }>(200, "GET", path)).deliveries;
    },
    async deleteAll(): Promise<void> {
      for (const { id } of await list()) await call<undefined>(204, "DELETE", `/${id}`);
    },
  };
}
