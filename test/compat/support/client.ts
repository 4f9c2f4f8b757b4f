import { SignJWT } from "jose";
import { SECOND_MS, SECRET, START_MS } from "./settings.ts";
import type { World } from "./world.ts";

async function tokenOf(sub: string, scope?: string): Promise<string> {
  return await new SignJWT({ ...(scope && { scope }) })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(sub)
    .setIssuedAt(START_MS / SECOND_MS)
    .setExpirationTime(START_MS / SECOND_MS + 30 * 86_400)
    .sign(new TextEncoder().encode(SECRET));
}

interface Headers {
  key?: string;
  prefer?: string;
  traceparent?: string;
}

/** One caller of the API. Each call is made a second after the one before. */
export class Client {
  readonly #world: World;
  readonly #token: string;

  private constructor(world: World, token: string) {
    this.#world = world;
    this.#token = token;
  }

  static async of(world: World, sub: string, scope?: string): Promise<Client> {
    return new Client(world, await tokenOf(sub, scope));
  }

  async call(
    method: string,
    path: string,
    body?: object,
    { key, prefer, traceparent }: Headers = {},
  ) {
    this.#world.now_ms += SECOND_MS;
    const headers = {
      Authorization: `Bearer ${this.#token}`,
      ...(body && { "Content-Type": "application/json" }),
      ...(key && { "Idempotency-Key": key }),
      ...(prefer && { Prefer: prefer }),
      ...(traceparent && { traceparent }),
    };
    const text = body ? { body: JSON.stringify(body) } : {};
    return await this.#world.http(method, path, { headers, ...text });
  }

  /** The id of the order placed. */
  async order(lines: Record<string, number>, headers: Headers & { customerId?: string } = {}) {
    const { customerId, ...rest } = headers;
    const all = Object.entries(lines).map(([sku, quantity]) => ({ sku, quantity }));
    const body = { lines: all, ...(customerId && { customerId }) };
    const answer = await this.call("POST", "/v1/orders", body, rest);
    const found = answer.body as { id?: string; order?: { id: string } };
    return found.id ?? found.order?.id ?? "";
  }

  async listen(): Promise<void> {
    this.#world.now_ms += SECOND_MS;
    const headers = {
      Upgrade: "websocket",
      "Sec-WebSocket-Protocol": `lockstock.v1, bearer.${this.#token}`,
    };
    await this.#world.http("GET", "/v1/feed?since=2026-03-01T11:00:00Z", { headers });
  }
}
