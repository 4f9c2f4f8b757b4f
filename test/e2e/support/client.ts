import { v7 } from "uuid";
import type { DeadLetter } from "../../../src/contract/dead-letter.ts";
import type { Movement } from "../../../src/contract/stock-api.ts";
import type { Level, Shortage } from "../../../src/contract/stock-events.ts";
import type { ItemView } from "../../../src/orders/items/item.ts";
import type { OrderView } from "../../../src/orders/order/order.ts";

export interface Reply<T> {
  status: number;
  headers: Headers;
  body: T;
}

export interface ProblemBody {
  code: string;
  shortages?: Shortage[];
}

export interface Line {
  sku: string;
  quantity: number;
}

/** What a caller with this token can do; without a token, what anyone can. */
export type Client = ReturnType<typeof clientOf>;

export function clientOf(base: string | URL, token?: string) {
  async function call<T>(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Reply<T>> {
    const response = await fetch(new URL(path, base), {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const text = await response.text();
    const isJson = response.headers.get("content-type")?.includes("json");
    const parsed = isJson ? JSON.parse(text) : undefined;
    return { status: response.status, headers: response.headers, body: parsed };
  }

  /** The body of a call that has to succeed. */
  async function get<T>(path: string): Promise<T> {
    const { status, body } = await call<T>("GET", path);
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${JSON.stringify(body)}`);
    return body;
  }

  return {
    call,
    get,
    place: (lines: Line[], key?: string) =>
      call<OrderView & ProblemBody>(
        "POST",
        "/v1/orders",
        { lines },
        key === undefined ? {} : { "idempotency-key": key },
      ),
    cancel: (id: string) => call<OrderView & ProblemBody>("POST", `/v1/orders/${id}/cancel`),
    order: (id: string) => get<OrderView>(`/v1/orders/${id}`),
    item: (sku: string) => get<ItemView>(`/v1/items/${sku}`),
    items: async () => (await get<{ items: ItemView[] }>("/v1/items")).items,
    level: (sku: string) => get<Level>(`/v1/items/${sku}/stock`),
    ledger: (sku: string) => ledger(get, sku),
    deadLetters: async () =>
      (await get<{ deadLetters: DeadLetter[] }>("/v1/dead-letters?limit=100")).deadLetters,

    async receive(sku: string, units: number): Promise<Level> {
      const body = { delta: units, reason: "delivery" };
      const path = `/v1/items/${sku}/stock`;
      const reply = await call<Level>("POST", path, body, { "idempotency-key": v7() });
      if (reply.status !== 200) throw new Error(`POST ${path}: ${reply.status}`);
      return reply.body;
    },

    /** A new item with so many units; returns its SKU. */
    async stocked(units: number): Promise<string> {
      const sku = `SKU-${v7()}`;
      const item = { name: `Item ${sku}`, price: { amount: 1500, currency: "EUR" } };
      const { status } = await call("PUT", `/v1/items/${sku}`, item);
      if (status !== 201) throw new Error(`PUT /v1/items/${sku}: ${status}`);
      if (units > 0) await this.receive(sku, units);
      return sku;
    },
  };
}

/** Every movement, oldest first, over as many pages as there are. */
async function ledger(get: <T>(path: string) => Promise<T>, sku: string): Promise<Movement[]> {
  const movements: Movement[] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const query: string = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page: { movements: Movement[]; nextCursor: string | null } = await get(
      `/v1/items/${sku}/ledger?limit=50${query}`,
    );
    movements.push(...page.movements);
    cursor = page.nextCursor;
  }
  return movements.toReversed();
}

export { signHs256 as signToken } from "../../../scripts/lib/jwt.ts";
