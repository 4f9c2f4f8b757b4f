import type { OrderView } from "../../src/orders/order/order.ts";

export interface Answer<T = unknown> {
  status: number;
  headers: Headers;
  body: T;
}

/** Longer than the longest answer: a `Prefer: wait` and the time-outs behind it. */
const TIMEOUT_MS = 45_000;

/** A call as a client makes it; throws when there is no whole answer. */
export async function ask<T>(
  base: string,
  token: string | undefined,
  method: string,
  path: string,
  { body, headers }: { body?: unknown; headers?: Record<string, string> } = {},
): Promise<Answer<T>> {
  const response = await fetch(base + path, {
    method,
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { "content-type": "application/json" }),
      ...headers,
    },
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") ?? false;
  return {
    status: response.status,
    headers: response.headers,
    body: (isJson ? JSON.parse(text) : undefined) as T,
  };
}

export type Ask = <T>(
  method: string,
  path: string,
  options?: { body?: unknown; headers?: Record<string, string> },
) => Promise<Answer<T>>;

export const asker =
  (base: string, token: string): Ask =>
  (method, path, options) =>
    ask(base, token, method, path, options);

/** The body of a read that has to succeed. */
export async function read<T>(by: Ask, path: string): Promise<T> {
  const { status, body } = await by<T>("GET", path);
  if (status !== 200) throw new Error(`GET ${path}: ${status} ${JSON.stringify(body)}`);
  return body;
}

/** Every page of a list. */
export async function readAll<T>(by: Ask, path: string, member: string): Promise<T[]> {
  const found: T[] = [];
  let cursor: string | null = null;
  do {
    const place: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const page: Record<string, unknown> = await read(by, `${path}?limit=100${place}`);
    found.push(...(page[member] as T[]));
    cursor = page["nextCursor"] as string | null;
  } while (cursor !== null);
  return found;
}

export type { OrderView };
