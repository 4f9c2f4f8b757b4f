import { createClient, LockstockProblem, verifyWebhook } from "@lockstock/client";

/** A program of a project of its own that has installed the packed client. It runs on every platform. */

export interface Given {
  url: string;
  /** A customer's, and a service's that reads changes. */
  token: string;
  service: string;
  /** With three units. */
  sku: string;
  webhook: { payload: string; headers: Record<string, string>; secret: string };
}

export async function useClient({ url, token, service, sku, webhook }: Given) {
  const shop = createClient({ url, token: async () => token });
  const heard: { id: string; revision: number; status: string }[] = [];
  const states: string[] = [];
  const followed = Promise.withResolvers<void>();
  const feed = shop.feed({
    onOrder: ({ id, revision, status }) => {
      heard.push({ id, revision, status });
      if (status === "cancelled") followed.resolve();
    },
    onConnection: (state) => {
      states.push(state);
      if (state === "live") void buy();
    },
    onEnd: (problem) => followed.reject(problem),
  });
  let bought: { id: string; repeated: string; lane: string } | undefined;

  async function buy(): Promise<void> {
    try {
      const order = { lines: [{ sku, quantity: 1 }] };
      const placed = await shop.placeOrder(order, { key: `first of ${sku}`.replaceAll(" ", "-") });
      const confirmed = await shop.wait(placed.id);
      const again = await shop.placeOrder(order, { key: `first-of-${sku}` });
      const lane = await shop.placeOrder(order, { wait_s: 10 });
      bought = { id: confirmed.id, repeated: again.id, lane: lane.status };
      await shop.cancel(confirmed.id);
    } catch (error) {
      followed.reject(error);
    }
  }

  await followed.promise;
  feed.close();
  const refusal = await shop
    .placeOrder({ lines: [{ sku, quantity: 1_000 }] }, { wait_s: 10 })
    .catch((error: unknown) => error);
  const steps: string[] = [];
  for await (const change of createClient({ url, token: service }).changes()) {
    if ("orderId" in change && change.orderId === bought?.id) steps.push(change.type);
    if (steps.at(-1) === "order.cancelled") break;
  }
  const own = heard.filter(({ id }) => id === bought?.id);
  const { payload, headers, secret } = webhook;
  const event = await verifyWebhook(payload, headers, secret);
  return {
    isRepeated: bought?.id === bought?.repeated,
    lane: bought?.lane,
    // A push may overtake the one before it, which is then not shown.
    isInOrder: own.every(({ revision }, i) => revision > (own[i - 1]?.revision ?? 0)),
    last: own.map(({ revision, status }) => `${revision} ${status}`).at(-1),
    states,
    refusal: refusal instanceof LockstockProblem && {
      code: refusal.code,
      requested: refusal.body.shortages?.[0]?.requested,
      hasRequestId: refusal.requestId !== null,
    },
    steps,
    event: event.type,
  };
}
