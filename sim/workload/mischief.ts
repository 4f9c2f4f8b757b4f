import type { System } from "../system.ts";
import { type HttpClient, isAnswered } from "./http-client.ts";
import type { Step } from "./steps.ts";

/** Calls of customers by which nothing may be placed, seen or changed. */

/** Who makes them. */
export interface Caller {
  system: System;
  name: string;
  http: HttpClient;
}

/** Refused, and nothing is placed: at the end this customer has no order that it does not know. */
export async function tryBadKeys(
  { system, name, http }: Caller,
  { tries }: Step & { do: "bad keys" },
): Promise<void> {
  for (const { lines, keys } of tries) {
    system.kernel.faults.note("bad key");
    const call = { method: "POST", path: "/v1/orders", body: { lines }, lines: keys } as const;
    const heard = await http.send(call);
    if (!isAnswered(heard)) continue;
    system.report.check(
      heard.status === 400,
      8,
      () => `${name} POST /v1/orders (${JSON.stringify(keys)}) → ${heard.status}`,
    );
  }
}

/** An order for what nobody sells, so that nothing comes of it but the place that it takes. */
export async function giveUp({ http }: Caller, hangsUpAfter_ms: number): Promise<void> {
  const body = { lines: [{ sku: "no-such-item", quantity: 1 }] };
  await http.send({ method: "POST", path: "/v1/orders", body, hangsUpAfter_ms });
}

/** Another customer's order is not there, and stays as it is. */
export async function spy({ system, name, http }: Caller, id: string): Promise<void> {
  const calls = [
    { method: "GET", path: `/v1/orders/${id}` },
    { method: "POST", path: `/v1/orders/${id}/cancel` },
    { method: "POST", path: `/v1/orders/${id}/pay` },
  ] as const;
  for (const call of calls) {
    const heard = await http.send(call);
    if (!isAnswered(heard)) continue;
    const expected = call.path.endsWith("/pay") ? 403 : 404;
    system.report.check(
      heard.status === expected,
      12,
      () => `${name} ${call.path} of another → ${heard.status}`,
    );
  }
}

export async function asGuest({ system, http }: Caller): Promise<void> {
  const heard = await http.send({ method: "POST", path: "/v1/guests" });
  if (!isAnswered(heard)) return;
  const { customerId = "", token } = heard.body as { customerId?: string; token?: string };
  const isGuest = heard.status === 201 && customerId.startsWith("guest_") && !!token;
  system.report.check(isGuest, 12, () => `POST /v1/guests → ${heard.status}`);
}
