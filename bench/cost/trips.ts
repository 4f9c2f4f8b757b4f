import { randomUUID } from "node:crypto";
import { seed } from "../lib/measure.ts";
import { settled } from "../lib/observe.ts";
import { tokenOf } from "../lib/orders.ts";
import type { Stack } from "../lib/stack.ts";
import { withStack } from "../lib/systems.ts";
import type { Call } from "../meter/trace.ts";
import { BASELINES, LOCKSTOCK, type MeteredSystem } from "./count.ts";
import { type Sequence, sequenceOf } from "./sequence.ts";

/** How many calls of D1 and objects a request makes one after the other, by what it does. */

export interface Trips extends Sequence {
  call: string;
}

export interface CountedTrips {
  lockstock: Trips[];
  /** Placing an order, by the baseline's name. */
  baselines: Record<string, Sequence>;
}

export const NO_TRIPS: CountedTrips = { lockstock: [], baselines: {} };

export const PLACE = "place an order";
const SKU = "TRIPS";
const UNITS = 10;
const LINES = [{ sku: SKU, quantity: 1 }];

/** Sends one request alone, and answers with its body and its sequence of calls. */
async function trace(stack: Stack, system: MeteredSystem, request: Sent) {
  await stack.ask(0, "/__meter/trace");
  const { method = "POST", path, body, headers = {}, scope } = request;
  const response = await fetch(stack.base + path, {
    method,
    headers: {
      authorization: `Bearer ${await tokenOf(scope ? "shop" : "trips", scope)}`,
      "x-customer": "trips",
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await response.text();
  const calls = (await stack.ask(0, "/__meter/calls")) as Call[];
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  await settled(stack, system);
  return { id: (JSON.parse(text) as { id: string }).id, sequence: sequenceOf(calls) };
}

interface Sent {
  method?: "GET" | "POST";
  path: string;
  body?: object;
  headers?: Record<string, string>;
  scope?: string;
}

const RETURNS_OPEN = "SELECT count(*) AS open FROM returns WHERE due_at IS NOT NULL";

const placing = (headers: Record<string, string> = {}): Sent => ({
  path: "/v1/orders",
  body: { lines: LINES },
  headers: { "idempotency-key": randomUUID(), ...headers },
});

function countLockstock(): Promise<Trips[]> {
  return withStack(LOCKSTOCK, async (stack) => {
    await seed(stack, LOCKSTOCK, new Map([[SKU, UNITS]]));
    const trips: Trips[] = [];
    const count = async (call: string, request: Sent): Promise<string> => {
      const { id, sequence } = await trace(stack, LOCKSTOCK, request);
      trips.push({ call, ...sequence });
      return id;
    };
    const shop = "orders:pay";
    await count("place the first order after 20 s without one", placing());
    const paid = await count(PLACE, placing());
    const cancelled = await count("place and wait for the outcome", placing({ prefer: "wait=10" }));
    await count("read an order", { method: "GET", path: `/v1/orders/${paid}` });
    await count("pay", { path: `/v1/orders/${paid}/pay`, scope: shop });
    await count("cancel", { path: `/v1/orders/${cancelled}/cancel` });
    await count("return", {
      path: `/v1/orders/${paid}/returns`,
      body: { lines: LINES, restock: true, reason: "as new" },
      headers: { "idempotency-key": randomUUID() },
      scope: shop,
    });
    await settled(stack, { ...LOCKSTOCK, openSql: RETURNS_OPEN });
    return trips;
  });
}

function countBaseline(system: MeteredSystem): Promise<Sequence> {
  return withStack(system, async (stack) => {
    await seed(stack, system, new Map([[SKU, UNITS]]));
    return (await trace(stack, system, placing())).sequence;
  });
}

export async function countTrips(tell: (what: string) => void = () => {}): Promise<CountedTrips> {
  tell("trips");
  const lockstock = await countLockstock();
  const baselines: Record<string, Sequence> = {};
  for (const system of BASELINES) {
    tell(system.name);
    baselines[system.name] = await countBaseline(system);
  }
  return { lockstock, baselines };
}
