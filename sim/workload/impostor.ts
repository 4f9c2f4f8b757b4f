import type { System } from "../system.ts";
import { type Call, HttpClient } from "./http-client.ts";
import type { Step } from "./steps.ts";
import { impostorToken } from "./tokens.ts";

/** Asks for everything with tokens that are not good here: it is 401, and nothing comes of it. */
export class Impostor {
  readonly http: HttpClient;
  readonly #system: System;

  constructor(system: System) {
    this.#system = system;
    this.http = new HttpClient(system, "impostor", { customerId: "impostor", scope: "" });
  }

  get requests(): number {
    return this.http.requests;
  }

  async attempt(step: Step & { do: "pretend" }, sku: string): Promise<void> {
    const { kernel, orders, report } = this.#system;
    const ids = [...orders.orders.keys()];
    const id = ids[step.which % Math.max(1, ids.length)] ?? "none";
    const victim = orders.orders.get(id)?.customerId ?? "nobody";
    for (const call of callsFor(id, sku)) {
      const token = impostorToken(step.as, victim, kernel.now_ms);
      const heard = await this.http.send({ ...call, token });
      if (heard === null || heard.status >= 500) continue;
      report.check(
        heard.status === 401,
        12,
        () => `${call.method} ${call.path} by a token with ${step.as} → ${heard.status}`,
      );
    }
  }
}

const callsFor = (id: string, sku: string): Call[] => [
  { method: "GET", path: `/v1/orders/${id}` },
  { method: "POST", path: `/v1/orders/${id}/cancel` },
  { method: "POST", path: "/v1/orders", body: { lines: [{ sku, quantity: 1 }] } },
  {
    method: "POST",
    path: `/v1/items/${sku}/stock`,
    body: { delta: 1, reason: "theft" },
    headers: { "Idempotency-Key": `theft-${id}` },
  },
];
