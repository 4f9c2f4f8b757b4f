import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, expect, vi } from "vitest";
import type { Courier } from "../../../src/orders/webhooks/courier.ts";
import { OPERATOR, type World } from "./world.ts";

export const DAY_MS = 86_400_000;

export interface Posted {
  id: string;
  type: string;
  data: { id: string; revision: number; customerId: string; metadata?: object };
}

/** The endpoint is outside of the system: what is posted to it is written down here. */
export interface Endpoint {
  posted: Posted[];
  answer: (event: Posted) => Response | Promise<Response>;
}

/** For each test of a file an endpoint that answers 204; after it there are no webhooks. */
export function useEndpoint(): Endpoint {
  const fresh = (): Endpoint => ({
    posted: [],
    answer: () => new Response(null, { status: 204 }),
  });
  const endpoint = fresh();
  beforeEach(() => {
    Object.assign(endpoint, fresh());
    vi.spyOn(globalThis, "fetch").mockImplementation(async (_url, init) => {
      const headers = new Headers(init?.headers);
      const event = {
        id: headers.get("webhook-id") ?? "",
        ...(JSON.parse(init?.body as string) as Omit<Posted, "id">),
      };
      endpoint.posted.push(event);
      return endpoint.answer(event);
    });
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    vi.useRealTimers();
    await env.DB.prepare("DELETE FROM webhooks").run();
  });
  return endpoint;
}

interface WebhookBody {
  id: string;
  state: string;
  why?: string;
  failingSince: string | null;
  pending: number;
  parked: number;
  failures: number;
  pausedUntil: string | null;
}

export async function webhookOf(world: World, types?: string[]) {
  const body = { url: "https://shop.example/hook", ...(types && { types }) };
  const made = await world.call("POST", "/v1/webhooks", { as: OPERATOR, body });
  expect(made.status).toBe(201);
  const { id } = made.body;
  const stub = env.COURIER.getByName(id);
  const path = `/v1/webhooks/${id}`;
  return {
    id,
    stub,
    call: (method: string, rest = "", body_?: object) =>
      world.call(method, path + rest, { as: OPERATOR, ...(body_ && { body: body_ }) }),
    /** Whatever time it is due at. */
    run: () => runDurableObjectAlarm(stub),
    get: async () =>
      (await world.call("GET", path, { as: OPERATOR })).body as unknown as WebhookBody,
  };
}

export const storageOf = (stub: DurableObjectStub<Courier>) =>
  runInDurableObject(stub, async (_: Courier, { storage }) => ({
    alarm: await storage.getAlarm(),
    keys: [...(await storage.list()).keys()],
  }));
